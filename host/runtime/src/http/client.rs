//! What all calls share: whom to trust, whom to ask for addresses, and the operator's credentials.

use super::resolver::{Resolver, SystemResolver};
use super::role::Roles;
use crate::credentials::Credentials;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Sends what guests ask for. No variable of the environment changes where to: there is no proxy.
pub struct HttpClient {
    pub(super) credentials: Credentials,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) roles: Roles,
}

/// Why a file of certificates can't be used: a sentence for who wrote its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificates in {file} can't be used: {why}; make it a file in PEM that the daemon's user can read")]
pub struct BadAuthority {
    file: String,
    why: String,
}

impl HttpClient {
    /// Trusts the authorities that Mozilla does, and asks the machine's resolver.
    pub fn new(credentials: Credentials) -> HttpClient {
        let (resolver, tls) = (Arc::new(SystemResolver), tls(roots()));
        HttpClient { credentials, resolver, tls, roles: Roles::default() }
    }

    pub fn with_resolver(self, resolver: Arc<dyn Resolver>) -> HttpClient {
        HttpClient { resolver, ..self }
    }

    /// Trusts also the authorities whose certificates are in this file.
    pub fn with_authorities(self, file: &Path) -> Result<HttpClient, BadAuthority> {
        let bad = |why: String| BadAuthority { file: file.display().to_string(), why };
        let mut roots = roots();
        let mut found = 0;
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))? {
            let certificate = certificate.map_err(|error| bad(error.to_string()))?;
            roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            found += 1;
        }
        if found == 0 {
            return Err(bad("there is none in it".to_owned()));
        }
        Ok(HttpClient { tls: tls(roots), ..self })
    }
}

fn roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn tls(roots: RootCertStore) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("ring speaks the versions that are safe");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
