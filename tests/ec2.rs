//! The plugin `ec2`, as a real component: its requests are sent and signed by the host, to a moto server that checks the
//! signatures. What it does is tested natively, in `plugins/ec2`.

#[allow(dead_code)] // Each test file uses a part of it.
mod arguments;
#[allow(dead_code)]
mod guests;
#[allow(dead_code)]
#[path = "../plugins/ec2/src/tests/moto.rs"]
mod moto;

use arguments::{Taken, blueprint, request, resource, step};
use drydock_core::contract::{BlueprintArg, Context, Failure, Next, Progress, ResourceArg};
use drydock_core::plugin::{ObserveCall, Plugin, Step};
use drydock_runtime::commands::Runner;
use drydock_runtime::credentials::{CredentialConfig, Credentials};
use drydock_runtime::{HttpClient, Limits, Loader};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// Asks moto itself, without a signature, for one of the actions that it takes so.
fn ask(moto: SocketAddr, service: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(moto).expect("moto listens");
    let scope = format!("AWS4-HMAC-SHA256 Credential=AKIDTEST/20260101/us-east-1/{service}/aws4_request, Signature=0");
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {service}.amazonaws.com\r\nauthorization: {scope}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).expect("moto reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("moto answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    let rest = text.split_once(&format!("<{tag}>")).expect(tag).1;
    rest.split_once(&format!("</{tag}>")).expect(tag).0
}

/// A user of moto that may use EC2: the id of an access key, and the secret.
fn user(moto: SocketAddr) -> (String, String) {
    let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A\
                  %22ec2%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
    ask(moto, "iam", "Action=CreateUser&Version=2010-05-08&UserName=drydock");
    let policy =
        format!("Action=PutUserPolicy&Version=2010-05-08&UserName=drydock&PolicyName=ec2&PolicyDocument={policy}");
    ask(moto, "iam", &policy);
    let key = ask(moto, "iam", "Action=CreateAccessKey&Version=2010-05-08&UserName=drydock");
    (between(&key, "AccessKeyId").to_owned(), between(&key, "SecretAccessKey").to_owned())
}

fn credentials(moto: SocketAddr, folder: &Path) -> Credentials {
    let (access, secret) = user(moto);
    for (name, content) in [("access", access.as_str()), ("secret", &secret), ("other", "somebody else's")] {
        std::fs::write(folder.join(name), content).expect("a file");
    }
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(folder.join("key"))
        .status();
    assert!(made.expect("ssh-keygen comes with the SSH server").success());
    let folder = folder.display();
    let aws = |secret: &str| {
        format!(
            "kind = 'aws'\nhosts = ['http://{moto}']\naccess_key_file = '{folder}/access'\nsecret_key_file = '{folder}/{secret}'\n"
        )
    };
    let text =
        format!("[cloud]\n{}[wrong]\n{}[instances]\nprivate_key = '{folder}/key'\n", aws("secret"), aws("other"));
    let tables: BTreeMap<String, CredentialConfig> = toml::from_str(&text).expect("credentials");
    tables.into_iter().map(|(name, keys)| (name, keys.check().expect("a credential"))).collect()
}

/// A host that calls the component.
struct Host {
    plugin: Arc<dyn Plugin>,
    grants: Vec<String>,
}

impl Host {
    async fn act(&self, which: Step, b: &BlueprintArg, on: &mut ResourceArg) -> Result<(), Failure> {
        for _ in 0..50 {
            let mut call = step(which, b, on, None);
            call.grants.clone_from(&self.grants);
            match self.plugin.act(call).await.expect("no fault")? {
                Progress::Again { state, .. } => on.state = Some(state),
                Progress::Done(outcome) => {
                    let mut all: Value = serde_json::from_str(&on.attributes).expect("JSON");
                    let added: Value =
                        serde_json::from_str(outcome.attributes.as_deref().unwrap_or("{}")).expect("JSON");
                    all.as_object_mut().expect("an object").extend(added.as_object().expect("an object").clone());
                    on.attributes = all.to_string();
                    return Ok(());
                }
            }
        }
        panic!("a step is not done after fifty calls: {:?}", on.state)
    }

    /// The ids of what exists, without what has ended.
    async fn seen(&self, b: &BlueprintArg) -> Vec<String> {
        let context =
            Context { key: "k1".into(), epoch: 1, attempt: 0, deadline: 30_000, ending: None, leftovers: vec![] };
        let call = ObserveCall { context, blueprint: b.clone(), grants: self.grants.clone() };
        let seen = self.plugin.observe(call).await.expect("no fault").expect("observed");
        assert!(seen.complete);
        let there =
            seen.things.into_iter().filter(|thing| !matches!(thing.state, drydock_core::contract::ThingState::Gone(_)));
        there.map(|thing| thing.id).collect()
    }

    async fn made(&self, b: &BlueprintArg) -> ResourceArg {
        let r = request(json!({}), &[]);
        let list = self.plugin.allocate(b, &r, &Taken(vec![])).await.expect("no fault").expect("allocated");
        ResourceArg { labels: list[0].labels.clone(), ..resource(&list[0].attributes) }
    }
}

#[tokio::test]
async fn an_instance_is_made_and_removed_with_signed_requests() {
    let moto =
        tokio::task::spawn_blocking(|| moto::start(&[("INITIAL_NO_AUTH_ACTION_COUNT", "3")])).await.expect("moto");
    let folder = tempfile::tempdir().expect("a folder");
    let address = moto.address;
    let known = credentials(address, folder.path());
    let client = HttpClient::new(known.clone());
    let loader =
        Loader::with_http(Arc::new(Runner::new(known)), Arc::new(client), Limits::default()).expect("a loader");
    let plugin = loader.load("ec2", &guests::bytes("ec2")).await.unwrap_or_else(|error| panic!("{error}"));
    let http = format!("http:http://{address} private");
    let grants = [http.as_str(), "credential:cloud", "credential:wrong", "credential:instances"];
    let host = Host { plugin, grants: grants.map(str::to_owned).into() };
    // On this platform no commands run: there is no machine behind an instance of moto.
    let config = |credential: &str| {
        blueprint(json!({
            "region": "eu-central-1", "endpoint": format!("http://{address}"), "credential": credential,
            "image": "ami-12c6146b", "instance_type": "t3.micro", "key": "instances", "user": "admin",
            "elastic_ip": true, "platform": "other",
        }))
    };

    let b = config("wrong");
    let failure = host.act(Step::Open, &b, &mut host.made(&b).await).await.expect_err("another secret");
    assert_eq!(failure.next, Next::Attention, "{}", failure.reason);
    assert!(failure.reason.contains("the credential wrong"), "{}", failure.reason);

    let b = config("cloud");
    let mut on = host.made(&b).await;
    host.act(Step::Open, &b, &mut on).await.unwrap_or_else(|failure| panic!("{}", failure.reason));
    let attributes: Value = serde_json::from_str(&on.attributes).expect("JSON");
    let mut seen = host.seen(&b).await;
    seen.sort_unstable();
    assert_eq!(json!(seen), json!([attributes["allocation"], attributes["instance"]]));
    host.act(Step::Close, &b, &mut on).await.unwrap_or_else(|failure| panic!("{}", failure.reason));
    assert_eq!(host.seen(&b).await, Vec::<String>::new());
}
