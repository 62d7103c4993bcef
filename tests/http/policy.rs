//! To whom a guest may send what.

use super::names::Names;
use super::server::Server;
use super::{BROKEN, courier, deliver, open, reason, report, says};
use crate::arguments::{blueprint, request, resource};
use drydock_core::contract::{Context, Refusal, Thing, ThingState, Verdict};
use drydock_core::plugin::{Fault, HealthCall, ObserveCall};
use drydock_runtime::credentials::Credentials;
use serde_json::json;

#[tokio::test]
async fn a_request_that_both_sides_want_is_sent_as_it_is() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let order = json!({
        "method": "POST", "scheme": "http", "authority": server.authority(), "path": "/echo?a=b",
        "headers": [["content-type", "text/plain"], ["authorization", "Bearer mine"], ["x-amz-security-token", "mine"]],
        "body": "hello",
    });
    let answer = deliver(&*plugin, order, &[&server.grant()]).await;
    assert_eq!(answer["status"], 200, "{answer}");
    let asked = server.seen.take().remove(0);
    assert_eq!((asked.method.as_str(), asked.query.as_str(), asked.body.as_slice()), ("POST", "a=b", &b"hello"[..]));
    assert_eq!(asked.header("content-type"), Some("text/plain"));
    assert_eq!(asked.header("host"), Some(server.authority().as_str()));
    assert_eq!((asked.header("authorization"), asked.header("x-amz-security-token")), (None, None));
}

#[tokio::test]
async fn grants_tell_methods_schemes_hosts_and_ports_apart() {
    let server = Server::start().await;
    let names =
        Names::of(&[("a.example", &["127.0.0.1"]), ("b.a.example", &["127.0.0.1"]), ("other.test", &["127.0.0.1"])]);
    let plugin = courier(Credentials::new(), &names).await;
    let port = server.port;
    let to = |host: &str, method: &str| json!({ "method": method, "scheme": "http", "authority": format!("{host}:{port}"), "path": "/echo" });
    for (grant, host, method, goes) in [
        (format!("http:http://a.example:{port} private"), "a.example", "DELETE", true),
        (format!("http:http://a.example:{port} private"), "A.Example.", "GET", true),
        (format!("http:http://a.example:{port} private"), "b.a.example", "GET", false),
        (format!("http:http://*.a.example:{port} private"), "b.a.example", "GET", true),
        (format!("http:http://*.a.example:{port} private"), "a.example", "GET", false),
        (format!("http:http://*:{port} private"), "a.example", "GET", true),
        (format!("http:GET,HEAD http://a.example:{port} private"), "a.example", "HEAD", true),
        (format!("http:GET,HEAD http://a.example:{port} private"), "a.example", "POST", false),
        ("http:http://a.example private".to_owned(), "a.example", "GET", false),
        (format!("http:a.example:{port} private"), "a.example", "GET", false),
        // The plugin does not ask for that one.
        (format!("http:http://*:{port} private"), "other.test", "GET", false),
    ] {
        let answer = deliver(&*plugin, to(host, method), &[&grant]).await;
        assert_eq!(answer["error"].is_null(), goes, "{grant} {host} {method}: {answer}");
        assert_eq!(server.seen.take().len(), usize::from(goes));
        if !goes {
            assert_eq!(answer["error"], BROKEN);
        }
    }
}

#[tokio::test]
async fn what_is_denied_is_told_with_both_sides_and_what_to_write() {
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let to = |host: &str| json!({ "scheme": "https", "authority": host });
    says(
        &reason(&*plugin, to("a.example"), &["commands:ssh"]).await,
        &[
            "a request failed: ErrorCode::ConnectionTerminated; the host denied: the plugin courier asks to send HTTP requests \
             to *.example (it says: to deliver letters)",
            "has not granted GET to https://a.example to the blueprint \"trial\"",
            "grants = [\"commands:ssh\", \"http:a.example\"]",
        ],
    );
    says(
        &reason(&*plugin, to("a.example"), &["http:POST a.example"]).await,
        &["grants = [\"http:POST a.example\", \"http:GET a.example\"]"],
    );
    says(
        &reason(&*plugin, to("other.test"), &["http:*"]).await,
        &["the operator has granted", "the what `http` and the scope `other.test`"],
    );
    says(
        &reason(&*plugin, to("other.test:8443"), &[]).await,
        &["scope `other.test`", "and to grant it then", "grants = [\"http:other.test:8443\"]"],
    );
    for method in ["CONNECT", "TRACE"] {
        let order = json!({ "method": method, "scheme": "https", "authority": "a.example" });
        says(&reason(&*plugin, order, &["http:a.example"]).await, &[method, "for no plugin"]);
    }
    says(&reason(&*plugin, to("me:secret@a.example"), &["http:a.example"]).await, &["a login in its address"]);
    let trapped = open(&*plugin, json!({ "requests": [to("a.example")], "trap": true }), &[]).await;
    let Err(Fault::Trapped(text)) = trapped else { panic!("{trapped:?}") };
    says(&text, &["a request failed", "the host denied", "http:a.example"]);
}

#[tokio::test]
async fn several_denials_are_told_once_each() {
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let to = |host: &str| json!({ "scheme": "https", "authority": host });
    let hosts = ["a.example", "a.example", "b.example", "c.example", "d.example"];
    let orders: Vec<_> = hosts.iter().map(|host| to(host)).collect();
    let failure = open(&*plugin, json!({ "requests": orders, "strict": true }), &[]).await.unwrap().unwrap_err();
    assert_eq!(failure.reason.matches("the host denied").count(), 2);
    says(&failure.reason, &["http:a.example", "http:b.example", "and 2 more"]);
}

#[tokio::test]
async fn nothing_is_sent_while_planning() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let b = blueprint(json!({ "requests": [server.request("/echo")], "early": true }));
    let refusal = plugin.consider(&b, &request(json!({}), &[])).await.unwrap().unwrap_err();
    let Refusal::Never(told) = refusal else { panic!("{refusal:?}") };
    says(&told, &[BROKEN]);
    assert!(server.seen.take().is_empty());
}

#[tokio::test]
async fn what_looks_and_what_removes_may_send_too() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let context =
        || Context { key: "k".into(), epoch: 1, attempt: 0, deadline: 10_000, ending: None, leftovers: Vec::new() };
    let b = blueprint(json!({ "requests": [server.request("/echo")], "strict": true }));
    for (grants, goes) in [(vec![server.grant()], true), (vec![], false)] {
        let look = || ObserveCall { context: context(), blueprint: b.clone(), grants: grants.clone() };
        let checked = plugin.check(HealthCall {
            context: context(),
            blueprint: b.clone(),
            resource: resource("{}"),
            grants: grants.clone(),
        });
        match checked.await.unwrap() {
            Verdict::Healthy => assert!(goes),
            Verdict::Sick(why) => says(&why, &["the host denied", "grants = [\"http:http://127.0.0.1:"]),
            other => panic!("{other:?}"),
        }
        let observed = plugin.observe(look()).await.unwrap().unwrap_err().reason;
        assert_eq!(observed == "all went well", goes, "{observed}");
        let thing = Thing {
            id: "t".into(),
            resource: None,
            slot: None,
            attributes: "{}".into(),
            labels: Default::default(),
            state: ThingState::Present,
        };
        let removed = plugin.remove(look(), &thing).await.unwrap();
        assert_eq!(removed.is_ok(), goes);
        assert_eq!(server.seen.take().len(), if goes { 3 } else { 0 });
    }
}

#[tokio::test]
async fn names_that_lead_inside_are_refused_without_the_word() {
    let server = Server::start().await;
    let names = Names::of(&[
        ("private.example", &["10.1.2.3"]),
        ("loopback.example", &["127.0.0.1"]),
        ("six.example", &["::1"]),
        ("mapped.example", &["::ffff:127.0.0.1"]),
        ("unique.example", &["fd00::1"]),
        ("shared.example", &["100.64.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
        ("link.example", &["fe80::1"]),
        ("zero.example", &["0.0.0.0"]),
        ("many.example", &["224.0.0.1"]),
        ("all.example", &["255.255.255.255"]),
        // One address outside does not make up for one inside.
        ("both.example", &["203.0.113.1 127.0.0.1"]),
    ]);
    let plugin = courier(Credentials::new(), &names).await;
    let to = |host: &str| json!({ "scheme": "http", "authority": format!("{host}:{}", server.port) });
    for (host, word) in [
        ("private.example", Some("private")),
        ("loopback.example", Some("private")),
        ("six.example", Some("private")),
        ("mapped.example", Some("private")),
        ("unique.example", Some("private")),
        ("shared.example", Some("private")),
        ("both.example", Some("private")),
        ("metadata.example", Some("link-local")),
        ("link.example", Some("link-local")),
        ("zero.example", None),
        ("many.example", None),
        ("all.example", None),
    ] {
        let grant = format!("http:http://{host}:{}", server.port);
        let told = reason(&*plugin, to(host), &[&grant]).await;
        says(&told, &[BROKEN, "the address of that host is"]);
        match word {
            Some(word) => says(&told, &[&format!("grants = [\"{grant}\", \"{grant} {word}\"]")]),
            None => {
                says(&told, &["no grant allows that"]);
                for word in ["private", "link-local"] {
                    says(&reason(&*plugin, to(host), &[&format!("{grant} {word}")]).await, &["no grant allows that"]);
                }
            }
        }
    }
    // The one word is not the other.
    let grant = format!("http:http://metadata.example:{} private", server.port);
    says(&reason(&*plugin, to("metadata.example"), &[&grant]).await, &["link-local\"]"]);
    let grant = format!("http:http://loopback.example:{} link-local", server.port);
    says(&reason(&*plugin, to("loopback.example"), &[&grant]).await, &["private\"]"]);
    // An address that is written out needs it just so.
    let grant = format!("http:http://127.0.0.1:{}", server.port);
    says(&reason(&*plugin, server.request("/echo"), &[&grant]).await, &["of a private network"]);
    assert!(server.seen.take().is_empty());
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_what_was_checked_is_connected_to() {
    let server = Server::start().await;
    let names = Names::of(&[
        ("good.example", &["127.0.0.1", "169.254.169.254"]),
        ("bad.example", &["169.254.169.254", "127.0.0.1"]),
    ]);
    let plugin = courier(Credentials::new(), &names).await;
    let to = |host: &str| json!({ "scheme": "http", "authority": format!("{host}:{}", server.port), "path": "/echo" });
    let grant = format!("http:http://*.example:{} private", server.port);
    assert_eq!(deliver(&*plugin, to("good.example"), &[&grant]).await["status"], 200);
    assert_eq!((names.asked(), server.seen.take().len()), (1, 1));
    // By now the name leads elsewhere.
    assert_eq!(deliver(&*plugin, to("good.example"), &[&grant]).await["error"], BROKEN);
    assert_eq!((names.asked(), server.seen.take().len()), (2, 0));
    assert_eq!(deliver(&*plugin, to("bad.example"), &[&grant]).await["error"], BROKEN);
    assert_eq!((names.asked(), server.seen.take().len()), (3, 0));
}

#[tokio::test]
async fn a_redirect_is_the_plugins_to_follow() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let answer = deliver(&*plugin, server.request("/redirect"), &[&server.grant()]).await;
    assert_eq!(answer["status"], 302);
    assert_eq!(server.seen.take().len(), 1);
}

#[tokio::test]
async fn names_that_nobody_has_and_ports_that_nobody_hears_are_errors_of_their_own() {
    let server = Server::start().await;
    let plugin = courier(Credentials::new(), &Names::default()).await;
    let (authority, grant) = (server.authority(), server.grant());
    drop(server);
    tokio::task::yield_now().await;
    let config = json!({ "requests": [
        { "scheme": "https", "authority": "nobody.example" },
        { "scheme": "http", "authority": authority },
    ] });
    let report = report(&*plugin, config, &["http:nobody.example", &grant]).await;
    says(report["answers"][0]["error"].as_str().unwrap(), &["DnsError"]);
    says(report["answers"][1]["error"].as_str().unwrap(), &["ConnectionRefused"]);
}
