//! No secret reaches a guest, a log, an error or what is stored: each credential has one that can be told from everything
//! else, and everything that comes out is looked through for it. The server gives back all that it was sent.

use super::hearing::Hearing;
use super::names::Names;
use super::server::Server;
use super::{courier, credentials, open, report};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use drydock_core::config::BlueprintConfig;
use drydock_runtime::credentials::Credentials;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What every secret here begins with. Its bytes are nowhere else: the guest is given them raised by one.
const PREFIX: &str = "SENTINEL-";

/// The credentials, and the names of those that are for HTTP.
fn all(folder: &TempDir, server: &Server, service: &Server) -> (Credentials, Vec<&'static str>) {
    let file = |name: &str| {
        let file = folder.path().join(name);
        // With everything that is written otherwise in a query, a form, a JSON text; or such that it can be a header's name.
        let more = if ["bearer", "token"].contains(&name) { "" } else { "\"/&%=+\\" };
        std::fs::write(&file, format!("{PREFIX}{name}{more}\n")).expect("a file");
        file.display().to_string()
    };
    let hosts = format!("hosts = ['http://{}']", server.authority());
    let text = format!(
        "[bearer]\nkind = 'bearer'\n{hosts}\nvalue_file = '{}'\n[header]\nkind = 'header'\nheader = 'x-token'\n{hosts}\n\
         value_file = '{}'\n[query]\nkind = 'query'\nparameter = 'key'\n{hosts}\nvalue_file = '{}'\n[form]\nkind = 'form'\n\
         parameter = 'key'\n{hosts}\nvalue_file = '{}'\n[basic]\nkind = 'basic'\nuser = 'me'\n{hosts}\nvalue_file = '{}'\n\
         [aws]\nkind = 'aws'\nregion = 'here'\nservice = 'ec2'\n{hosts}\naccess_key_file = '{}'\nsecret_key_file = '{}'\n\
         session_token_file = '{}'\n[role]\nkind = 'aws'\nregion = 'here'\nservice = 'ec2'\n{hosts}\ninstance_role = true\n\
         endpoint = 'http://{}'\n[plain]\nkind = 'secret'\nvalue_file = '{}'\n[login]\nprivate_key = '{}'\n",
        file("bearer"),
        file("header"),
        file("query"),
        file("form"),
        file("basic"),
        file("access"),
        file("secret"),
        file("token"),
        service.authority(),
        file("plain"),
        file("key"),
    );
    (credentials(&text), vec!["bearer", "header", "query", "form", "basic", "aws", "role"])
}

fn orders(server: &Server, names: &[&str]) -> Vec<Value> {
    let mut orders = Vec::new();
    for name in names {
        for path in ["/echo?a=1", "/pieces?a=1"] {
            orders.push(json!({
                "method": "POST", "scheme": "http", "authority": server.authority(), "path": path, "body": "a=1",
                "headers": [
                    ["drydock-credential", name],
                    ["content-type", "application/x-www-form-urlencoded"],
                    ["accept-encoding", "gzip"],
                ],
            }));
        }
    }
    orders
}

/// Where any of it is in a text: as it is, in small letters, or in base64.
fn finds(text: &str) -> bool {
    let basic = STANDARD.encode(format!("me:{PREFIX}basic"));
    text.to_lowercase().contains(&PREFIX.to_lowercase()) || text.contains(&basic[..basic.len() - 4])
}

fn raised() -> Vec<u8> {
    PREFIX.bytes().map(|byte| byte + 1).collect()
}

#[tokio::test]
async fn no_secret_comes_out_anywhere() {
    let (hearing, _guard) = Hearing::begin();
    let (server, service) = (Server::start().await, Server::start().await);
    let folder = TempDir::new().unwrap();
    let (known, names) = all(&folder, &server, &service);
    let plugin = courier(known.clone(), &Names::default()).await;
    let grants: Vec<String> = known.keys().map(|name| format!("credential:{name}")).chain([server.grant()]).collect();
    let grants: Vec<&str> = grants.iter().map(String::as_str).collect();

    let config = json!({ "requests": orders(&server, &names), "probe": raised(), "public_key": "login" });
    let told = report(&*plugin, config.clone(), &grants).await;
    let answers = told["answers"].as_array().unwrap();
    assert!(answers.iter().all(|answer| answer["status"] == 200), "{told}");
    assert!(answers.iter().all(|answer| answer["body"].as_str().unwrap().contains("***")), "{told}");
    assert!(!finds(&told.to_string()), "a guest was told a secret: {told}");
    assert_eq!(told["found"], 0, "there is a secret in the guest's memory");

    // The server had every one of them, so there was something to hide.
    let arrived = server.seen.take();
    for (asked, name) in arrived.iter().zip(names.iter().flat_map(|name| [name, name])) {
        let sent = format!("{:?} {} {}", asked.headers, asked.query, String::from_utf8_lossy(&asked.body));
        assert!(finds(&sent), "{name}: {sent}");
    }
    assert_eq!(arrived.len(), 2 * names.len());

    // What goes wrong names no secret: what no header can have, what is no key, what can't be read.
    std::fs::write(folder.path().join("bearer"), format!("{PREFIX}a\nb")).unwrap();
    std::fs::write(folder.path().join("header"), [PREFIX.as_bytes(), b"\xff"].concat()).unwrap();
    let mut strict = config.clone();
    for name in ["bearer", "header", "plain", "login", "gone"] {
        strict["requests"] = json!(orders(&server, &[name]));
        strict["strict"] = json!(true);
        let failed = open(&*plugin, strict.clone(), &grants).await;
        assert!(matches!(failed, Ok(Err(_))), "{name}: {failed:?}");
        assert!(!finds(&format!("{failed:?}")), "{failed:?}");
    }

    // What is kept of the configuration, and what anybody might print of it.
    let mut stored = BlueprintConfig::new("letters", "courier");
    stored.grants = grants.iter().map(|grant| (*grant).to_owned()).collect();
    assert!(!finds(&serde_json::to_string(&stored).unwrap()));
    assert!(!finds(&format!("{known:?} {known:#?}")));

    let heard = hearing.all();
    assert!(heard.contains("sends POST http://127.0.0.1"), "the log was heard: {heard}");
    assert!(!finds(&heard), "a secret is in the log: {heard}");
}

/// The net itself has no holes: what is not hidden is found, in the answer and in the memory.
#[tokio::test]
async fn a_secret_that_is_given_away_is_found() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let mut config = json!({ "requests": [server.request("/echo")], "probe": raised() });
    config["requests"][0]["headers"] = json!([["x-mine", format!("{PREFIX}mine")]]);
    let told = report(&*plugin, config, &[&server.grant()]).await;
    assert!(finds(&told.to_string()));
    assert!(told["found"].as_u64().unwrap() > 0, "{told}");
}
