//! Credentials on requests: whose, where, and what of the guest's own makes room for them.

use super::names::Names;
use super::server::Server;
use super::{BROKEN, courier, credentials, deliver, open, reason, report, says};
use drydock_runtime::credentials::Credentials;
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

/// A file with a secret in it.
fn secret(folder: &TempDir, text: &str) -> PathBuf {
    let file = folder.path().join(format!("{:x}", text.len() + text.bytes().map(usize::from).sum::<usize>()));
    std::fs::write(&file, text).expect("a file");
    file
}

/// A request to the server with a credential.
fn with(server: &Server, credential: &str, path: &str) -> Value {
    json!({
        "scheme": "http", "authority": server.authority(), "path": path,
        "headers": [["drydock-credential", credential]],
    })
}

fn one(server: &Server, keys: &str, value: &std::path::Path) -> Credentials {
    let hosts = server.authority();
    credentials(&format!("[lab]\nhosts = ['http://{hosts}']\nvalue_file = '{}'\n{keys}", value.display()))
}

#[tokio::test]
async fn each_kind_is_put_where_it_belongs() {
    let server = Server::start().await;
    let folder = TempDir::new().unwrap();
    let file = secret(&folder, "se/sa me&\n");
    let (grant, names) = (server.grant(), Names::default());
    let grants = [grant.as_str(), "credential:lab"];

    let plugin = courier(one(&server, "kind = 'bearer'", &file), &names).await;
    let mut order = with(&server, "lab", "/echo");
    order["headers"].as_array_mut().unwrap().push(json!(["authorization", "Bearer mine"]));
    deliver(&*plugin, order, &grants).await;
    let asked = server.seen.take().remove(0);
    let sent: Vec<_> = asked.headers.iter().filter(|(name, _)| name == "authorization").collect();
    assert_eq!(sent, [&("authorization".to_owned(), "Bearer se/sa me&".to_owned())]);
    assert!(!asked.headers.iter().any(|(name, _)| name.starts_with("drydock-")), "{asked:?}");
    assert_eq!(asked.header("accept-encoding"), Some("identity"));

    let plugin = courier(one(&server, "kind = 'header'\nheader = 'X-Token'", &file), &names).await;
    let mut order = with(&server, "lab", "/echo");
    order["headers"].as_array_mut().unwrap().push(json!(["x-token", "mine"]));
    deliver(&*plugin, order, &grants).await;
    let asked = server.seen.take().remove(0);
    let sent: Vec<_> = asked.headers.iter().filter(|(name, _)| name == "x-token").map(|(_, value)| value).collect();
    assert_eq!(sent, ["se/sa me&"]);

    let plugin = courier(one(&server, "kind = 'query'\nparameter = 'key'", &file), &names).await;
    deliver(&*plugin, with(&server, "lab", "/echo?a=1&key=mine&b=2"), &grants).await;
    assert_eq!(server.seen.take()[0].query, "a=1&b=2&key=se%2Fsa%20me%26");

    let plugin = courier(one(&server, "kind = 'form'\nparameter = 'api.token'", &file), &names).await;
    let mut order = with(&server, "lab", "/echo");
    order["method"] = json!("POST");
    order["body"] = json!("a=1&api.token=mine");
    says(&reason(&*plugin, order.clone(), &grants).await, &["no body of the type application/x-www-form-urlencoded"]);
    order["headers"]
        .as_array_mut()
        .unwrap()
        .push(json!(["content-type", "application/x-www-form-urlencoded; charset=utf-8"]));
    deliver(&*plugin, order, &grants).await;
    let asked = server.seen.take().remove(0);
    assert_eq!(String::from_utf8_lossy(&asked.body), "a=1&api.token=se%2Fsa%20me%26");
    assert_eq!(asked.header("content-length").unwrap(), asked.body.len().to_string());

    let plugin = courier(one(&server, "kind = 'basic'\nuser = 'me'", &file), &names).await;
    deliver(&*plugin, with(&server, "lab", "/echo"), &grants).await;
    assert_eq!(server.seen.take()[0].header("authorization"), Some("Basic bWU6c2Uvc2EgbWUm"));
}

#[tokio::test]
async fn a_secret_is_read_at_every_use() {
    let server = Server::start().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    let plugin = courier(one(&server, "kind = 'bearer'", &file), &Names::default()).await;
    let grant = server.grant();
    let grants = [grant.as_str(), "credential:lab"];
    says(
        &reason(&*plugin, with(&server, "lab", "/echo"), &grants).await,
        &["the credential lab can't be put on the request", "can't be read", "the daemon's user"],
    );
    for text in ["first", "second"] {
        std::fs::write(&file, text).unwrap();
        deliver(&*plugin, with(&server, "lab", "/echo"), &grants).await;
        assert_eq!(server.seen.take()[0].header("authorization"), Some(format!("Bearer {text}").as_str()));
    }
    std::fs::write(&file, "two\nlines").unwrap();
    says(&reason(&*plugin, with(&server, "lab", "/echo"), &grants).await, &["characters that no header can have"]);
    assert!(server.seen.take().is_empty());
    let of_env = credentials(&format!(
        "[lab]\nkind = 'bearer'\nhosts = ['http://{}']\nvalue_env = 'CARGO_PKG_NAME'",
        server.authority()
    ));
    let plugin = courier(of_env, &Names::default()).await;
    deliver(&*plugin, with(&server, "lab", "/echo"), &grants).await;
    assert_eq!(server.seen.take()[0].header("authorization"), Some("Bearer drydock-runtime"));
}

#[tokio::test]
async fn a_credential_is_for_whom_it_is_granted_and_for_its_own_hosts() {
    let server = Server::start().await;
    let folder = TempDir::new().unwrap();
    let file = secret(&folder, "sesame");
    let text = format!(
        "[lab]\nkind = 'bearer'\nhosts = ['http://{0}']\nvalue_file = '{1}'\n[far]\nkind = 'bearer'\nhosts = ['{0}', \
         'a.example']\nvalue_file = '{1}'\n[login]\nprivate_key = '{1}'\n",
        server.authority(),
        file.display()
    );
    let plugin = courier(credentials(&text), &Names::default()).await;
    let grant = server.grant();
    let grants = [grant.as_str(), "credential:far", "credential:login", "credential:gone"];
    for (name, parts) in [
        ("lab", &["asks to use a credential (it says: to be let in)", "\"credential:gone\", \"credential:lab\"]"][..]),
        // It is for TLS alone.
        ("far", &["for other servers", "[credentials.far]: hosts = [\"127.0.0.1:", "\"http://127.0.0.1:"]),
        ("login", &["of the kind \"ssh\""]),
        ("gone", &["there is no credential named \"gone\"", "there are: far, lab, login"]),
    ] {
        says(&reason(&*plugin, with(&server, name, "/echo"), &grants).await, parts);
    }
    let mut twice = with(&server, "lab", "/echo");
    twice["headers"].as_array_mut().unwrap().push(json!(["drydock-credential", "far"]));
    says(&reason(&*plugin, twice, &grants).await, &["`drydock-credential` twice"]);
    assert!(server.seen.take().is_empty());
}

#[tokio::test]
async fn what_comes_back_packed_is_given_to_nobody() {
    let server = Server::start().await;
    let folder = TempDir::new().unwrap();
    let plugin = courier(one(&server, "kind = 'bearer'", &secret(&folder, "sesame")), &Names::default()).await;
    let grant = server.grant();
    let grants = [grant.as_str(), "credential:lab"];
    says(&reason(&*plugin, with(&server, "lab", "/gzip"), &grants).await, &[BROKEN, "the encoding \"gzip\""]);
    // Without a credential there is nothing to look for.
    assert_eq!(deliver(&*plugin, server.request("/gzip"), &grants).await["status"], 200);
}

#[tokio::test]
async fn the_public_half_of_a_key_is_told_to_whom_it_is_granted() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "a comment", "-f"])
        .arg(&key)
        .status()
        .expect("ssh-keygen runs");
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let public = public.strip_suffix(" a comment\n").unwrap();
    let text = format!("[farm]\nprivate_key = '{0}'\n[word]\nkind = 'secret'\nvalue_file = '{0}'\n", key.display());
    let plugin = courier(credentials(&text), &Names::default()).await;
    let ask = |name: &str| json!({ "public_key": name });
    let told = report(&*plugin, ask("farm"), &["credential:farm"]).await;
    assert_eq!(told["public_key"]["Ok"], public);
    for (name, parts) in [
        ("farm", &["has not", "grants = [\"credential:word\", \"credential:farm\"]"][..]),
        ("word", &["of the kind \"secret\"", "has a public key"]),
    ] {
        let told = report(&*plugin, ask(name), &["credential:word"]).await;
        let parts: Vec<&str> = parts.iter().copied().filter(|part| *part != "has not").collect();
        says(told["public_key"]["Err"].as_str().unwrap(), &parts);
    }
    let planned = json!({ "public_key": "farm", "early": true });
    let refusal = plugin
        .consider(&crate::arguments::blueprint(planned), &crate::arguments::request(json!({}), &[]))
        .await
        .unwrap()
        .unwrap_err();
    says(&format!("{refusal:?}"), &["in `consider`, which only decides"]);
    let _ = open(&*plugin, json!({}), &[]).await;
}
