//! Signatures of AWS, checked as the other side checks them: from what arrived.

use super::names::Names;
use super::server::{Asked, Server};
use super::{courier, credentials, deliver, reason, says};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    text.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The signature that the request should have, by the secret key, and the one that it has.
fn signatures(asked: &Asked, secret: &str) -> (String, String) {
    let header = asked.header("authorization").expect("a signature");
    let rest = header.strip_prefix("AWS4-HMAC-SHA256 ").expect("the fourth version");
    let part = |name: &str| {
        let mut parts = rest.split(", ").filter_map(|part| part.split_once('='));
        parts.find(|(known, _)| *known == name).expect("a part").1.to_owned()
    };
    let (credential, names, signature) = (part("Credential"), part("SignedHeaders"), part("Signature"));
    let (_, scope) = credential.split_once('/').unwrap();
    let [date, region, service, end] = scope.split('/').collect::<Vec<_>>()[..] else { panic!("{scope}") };
    // Every service but S3 takes the path as encoded once more.
    let path = if service == "s3" { asked.path.clone() } else { encoded(&asked.path) };
    let mut query: Vec<&str> = asked.query.split('&').filter(|field| !field.is_empty()).collect();
    query.sort_unstable();
    let headers: String =
        names.split(';').map(|name| format!("{name}:{}\n", asked.header(name).unwrap().trim())).collect();
    let body = hex(&Sha256::digest(&asked.body));
    assert_eq!(asked.header("x-amz-content-sha256"), Some(body.as_str()));
    let canonical = format!("{}\n{path}\n{}\n{headers}\n{names}\n{body}", asked.method, query.join("&"));
    let time = asked.header("x-amz-date").expect("a time");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), date);
    for word in [region, service, end] {
        key = hmac(&key, word);
    }
    (hex(&hmac(&key, &to_sign)), signature)
}

fn order(server: &Server, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let mut all = vec![("drydock-credential", "cloud")];
    all.extend(headers);
    let method = if body.is_empty() { "GET" } else { "POST" };
    json!({ "method": method, "scheme": "http", "authority": server.authority(), "path": path, "headers": all, "body": body })
}

#[tokio::test]
async fn the_other_side_finds_the_same_signature() {
    let server = Server::start().await;
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let keys = format!(
        "kind = 'aws'\nhosts = ['http://{}']\naccess_key_file = '{}'\nsecret_key_file = '{}'\n",
        server.authority(),
        file("access", "AKIDEXAMPLE\n"),
        file("secret", "wJalrXUtnFEMI/K7MDENG\n")
    );
    let secret = "wJalrXUtnFEMI/K7MDENG";
    let (grant, names) = (server.grant(), Names::default());
    let grants = [grant.as_str(), "credential:cloud"];
    let plugin = courier(credentials(&format!("[cloud]\n{keys}")), &names).await;
    let ec2 = [("drydock-aws-region", "eu-central-1"), ("drydock-aws-service", "ec2")];
    let s3 = [("drydock-aws-region", "eu-central-1"), ("drydock-aws-service", "s3"), ("x-amz-acl", "private")];
    let form = [
        ec2[0],
        ec2[1],
        ("content-type", "application/x-www-form-urlencoded"),
        ("authorization", "mine"),
        ("x-amz-date", "mine"),
    ];
    for order in [
        order(&server, "/", &ec2, ""),
        order(&server, "/a%20b/c", &ec2, ""),
        order(&server, "/bucket/a%20b", &s3, ""),
        order(&server, "/?b=2&a=%20x&X-Amz-Signature=mine", &ec2, ""),
        order(&server, "/", &form, "Action=RunInstances&Version=2016-11-15"),
    ] {
        assert_eq!(deliver(&*plugin, order.clone(), &grants).await["status"], 404, "{order}");
        let asked = server.seen.take().remove(0);
        let (right, is) = signatures(&asked, secret);
        assert_eq!(right, is, "{asked:?}");
        assert_ne!(signatures(&asked, "another").0, is);
        assert!(!asked.query.contains("Signature") && !asked.headers.iter().any(|(_, value)| value == "mine"));
        assert_eq!(asked.header("x-amz-security-token"), None);
    }
    says(
        &reason(&*plugin, order(&server, "/", &ec2[1..], ""), &grants).await,
        &["region to sign for", "drydock-aws-region"],
    );

    // What the operator wrote comes before what the guest says, and a session has its token.
    let more = format!(
        "{keys}region = 'us-west-2'\nservice = 'sts'\nsession_token_file = '{}'\n",
        file("token", "of a session")
    );
    let plugin = courier(credentials(&format!("[cloud]\n{more}")), &names).await;
    deliver(&*plugin, order(&server, "/", &ec2, ""), &grants).await;
    let asked = server.seen.take().remove(0);
    let (right, is) = signatures(&asked, secret);
    assert_eq!(right, is);
    says(asked.header("authorization").unwrap(), &["/us-west-2/sts/aws4_request"]);
    assert_eq!(asked.header("x-amz-security-token"), Some("of a session"));
}
