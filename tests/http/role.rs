//! The keys of the machine's own role.

use super::names::Names;
use super::server::Server;
use super::{courier, credentials, deliver, reason, says};
use serde_json::json;

/// What the metadata service tells of a role.
pub fn document(role: &str) -> Vec<u8> {
    let expires = if role == "farm" { "2099-01-01T00:00:00Z" } else { "2001-01-01T00:00:00Z" };
    json!({
        "Code": "Success",
        "Type": "AWS-HMAC",
        "AccessKeyId": "SENTINEL-role-access",
        "SecretAccessKey": "SENTINEL-role-secret",
        "Token": "SENTINEL-role-token",
        "Expiration": expires,
    })
    .to_string()
    .into_bytes()
}

#[tokio::test]
async fn keys_come_from_the_metadata_service_and_are_kept() {
    let service = Server::start().await;
    let server = Server::start().await;
    let text = format!(
        "[role]\nkind = 'aws'\ninstance_role = true\nendpoint = 'http://{}'\nhosts = ['http://{}']\nregion = 'eu-central-1'\n\
         service = 'ec2'\n",
        service.authority(),
        server.authority()
    );
    let plugin = courier(credentials(&text), &Names::default()).await;
    let grant = server.grant();
    let order = json!({
        "scheme": "http", "authority": server.authority(), "path": "/echo", "headers": [["drydock-credential", "role"]],
    });
    for _ in 0..2 {
        let answer = deliver(&*plugin, order.clone(), &[&grant, "credential:role"]).await;
        assert_eq!(answer["status"], 200);
        let asked = server.seen.take().remove(0);
        says(
            asked.header("authorization").unwrap(),
            &["Credential=SENTINEL-role-access/", "/eu-central-1/ec2/aws4_request"],
        );
        assert_eq!(asked.header("x-amz-security-token"), Some("SENTINEL-role-token"));
        assert!(!answer.to_string().contains("SENTINEL"));
    }
    let paths: Vec<String> =
        service.seen.take().into_iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect();
    let roles = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(paths, ["PUT /latest/api/token".to_owned(), format!("GET {roles}"), format!("GET {roles}farm")]);

    drop(service);
    let text = text.replace("region = 'eu-central-1'", "region = 'eu-west-1'");
    let plugin = courier(credentials(&text), &Names::default()).await;
    says(
        &reason(&*plugin, order, &[&grant, "credential:role"]).await,
        &["the metadata service at http://127.0.0.1:", "gives no keys", "whether this machine has a role"],
    );
}
