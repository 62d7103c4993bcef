//! TLS: with whom there is any.

use super::names::Names;
use super::server::{Seen, serve};
use super::{courier_by, credentials, deliver, says};
use drydock_runtime::HttpClient;
use drydock_runtime::credentials::Credentials;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

#[tokio::test]
async fn a_server_is_trusted_by_its_certificate_and_its_name() {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["a.example".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();

    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let server = tokio::spawn({
        let seen = seen.clone();
        async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(serve(stream, seen.clone()));
                }
            }
        }
    });

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, authority.as_ref().pem()).unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "sesame").unwrap();
    let lab = format!("[lab]\nkind = 'bearer'\nhosts = ['*.example:{port}']\nvalue_file = '{}'", token.display());
    let names = Names::of(&[("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])]);
    let grant = format!("http:*.example:{port} private");
    let grants = [grant.as_str(), "credential:lab"];
    let to = |host: &str| {
        let headers = [["drydock-credential", "lab"]];
        json!({ "scheme": "https", "authority": format!("{host}:{port}"), "path": "/echo", "headers": headers })
    };
    let known = credentials(&lab);
    let client = HttpClient::new(known.clone()).with_resolver(names.resolver()).with_authorities(&file).unwrap();
    let plugin = courier_by(client, known.clone()).await;
    assert_eq!(deliver(&*plugin, to("a.example"), &grants).await["status"], 200);
    let asked = seen.take().remove(0);
    assert_eq!(asked.header("authorization"), Some("Bearer sesame"));
    assert_eq!(asked.header("host"), Some(format!("a.example:{port}").as_str()));
    says(deliver(&*plugin, to("b.example"), &grants).await["error"].as_str().unwrap(), &["TlsCertificateError"]);

    let client = HttpClient::new(known.clone()).with_resolver(names.resolver());
    let plugin = courier_by(client, known).await;
    says(deliver(&*plugin, to("a.example"), &grants).await["error"].as_str().unwrap(), &["TlsCertificateError"]);
    assert!(seen.take().is_empty());
    server.abort();

    let of =
        |file: &std::path::Path| HttpClient::new(Credentials::new()).with_authorities(file).err().unwrap().to_string();
    says(&of(&folder.path().join("missing")), &["missing can't be used", "in PEM"]);
    says(&of(&token), &["there is none in it"]);
}
