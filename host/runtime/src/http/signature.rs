//! AWS Signature Version 4.

use super::attach::Outgoing;
use crate::credentials::{Secret, is_scope};
use crate::origin::{Host, Origin};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign as sign_request,
};
use aws_sigv4::sign::v4::SigningParams;
use hyper::header::{HeaderName, HeaderValue};
use std::time::SystemTime;
use tracing::subscriber::{NoSubscriber, with_default};

/// What a request is signed with.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) access: Secret,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
}

/// What a signature is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) region: String,
    pub(super) service: String,
}

impl Scope {
    /// What is not named is what the host's name says. The error says what has to be named.
    pub(super) fn find(region: Option<&str>, service: Option<&str>, host: &Host) -> Result<Scope, String> {
        let (of_service, of_region) = match host {
            Host::Name(name) => of_name(name),
            Host::Address(_) => (None, None),
        };
        let found = |named: Option<&str>, of_host: Option<String>, what: &str| {
            let word = named.map(str::to_owned).or(of_host).ok_or_else(|| {
                format!(
                    "the {what} to sign for is not in the name of the host {host}: write `{what}` into the credential's \
                     table, or have the plugin name it in the header `drydock-aws-{what}`"
                )
            })?;
            if is_scope(&word) { Ok(word) } else { Err(format!("the {what} to sign for is not 1 to 63 of a-z 0-9 -")) }
        };
        Ok(Scope { region: found(region, of_region, "region")?, service: found(service, of_service, "service")? })
    }
}

/// Service and region by a name of AWS: `ec2.eu-central-1.amazonaws.com`, `bucket.s3.eu-west-1.amazonaws.com`. A
/// service without a region in its name has the first one.
fn of_name(name: &str) -> (Option<String>, Option<String>) {
    let domains = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    let Some(rest) = domains.iter().find_map(|domain| name.strip_suffix(domain)) else { return (None, None) };
    let mut labels: Vec<&str> = rest.split('.').filter(|label| !["vpce", "dualstack"].contains(label)).collect();
    let owned = |text: &str| Some(text.to_owned());
    match labels.pop() {
        Some(last) if is_region(last) => (labels.pop().and_then(owned), owned(last)),
        Some(last) => (owned(last), owned("us-east-1")),
        None => (None, None),
    }
}

/// `eu-central-1`, `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let (head, number) = label.rsplit_once('-').unwrap_or_default();
    head.contains('-') && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// Signs the request as it is, its body too, and gives back the signature.
pub(super) fn sign(
    out: &mut Outgoing,
    origin: &Origin,
    keys: &Keys,
    scope: &Scope,
    now: SystemTime,
) -> Result<Secret, String> {
    let token = keys.token.as_ref().map(|token| token.expose().to_owned());
    let identity = Credentials::new(keys.access.expose(), keys.secret.expose(), token, None, "drydock").into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    // S3 alone takes a path as it is.
    if scope.service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let failed = |error: &dyn std::fmt::Display| format!("the request can't be signed: {error}");
    let params = SigningParams::builder()
        .identity(&identity)
        .region(&scope.region)
        .name(&scope.service)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let headers: Vec<(String, String)> = out
        .parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let uri = format!("{origin}{}", out.parts.uri);
    // It tells a log of every detail what it signs, and the token is a part of that.
    let signed = with_default(NoSubscriber::default(), || {
        let request = SignableRequest::new(out.parts.method.as_str(), uri, headers, SignableBody::Bytes(&out.body))?;
        sign_request(request, &params)
    });
    let (instructions, signature) = signed.map_err(|error| failed(&error))?.into_parts();
    for (name, value) in instructions.headers() {
        let (name, mut value) = match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => (name, value),
            _ => return Err("its keys have characters that no header can have".to_owned()),
        };
        value.set_sensitive(true);
        out.parts.headers.insert(name, value);
    }
    Ok(Secret::new(signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Scheme;

    fn scope(host: &str) -> Result<Scope, String> {
        Scope::find(None, None, &Host::parse(host).unwrap())
    }

    #[test]
    fn a_name_of_aws_says_service_and_region() {
        for (host, service, region) in [
            ("ec2.eu-central-1.amazonaws.com", "ec2", "eu-central-1"),
            ("ec2.amazonaws.com", "ec2", "us-east-1"),
            ("b.u.cket.s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
            ("iam.us-gov.amazonaws.com", "us-gov", "us-east-1"),
            ("sts.us-gov-west-1.amazonaws.com", "sts", "us-gov-west-1"),
            ("ec2.cn-north-1.amazonaws.com.cn", "ec2", "cn-north-1"),
            ("vpce-1.ec2.eu-west-1.vpce.amazonaws.com", "ec2", "eu-west-1"),
            ("ec2.eu-west-1.api.aws", "ec2", "eu-west-1"),
        ] {
            assert_eq!(scope(host), Ok(Scope { region: region.into(), service: service.into() }), "{host}");
        }
        assert!(scope("localhost").unwrap_err().contains("drydock-aws-region"));
        let host = Host::parse("127.0.0.1").unwrap();
        assert!(Scope::find(Some("a"), None, &host).unwrap_err().contains("drydock-aws-service"));
        assert!(Scope::find(Some("a/b"), Some("c"), &host).unwrap_err().contains("region"));
    }

    #[test]
    fn the_signature_changes_with_everything_that_is_signed() {
        let keys = |secret: &str| Keys {
            access: Secret::new("AKIDEXAMPLE".into()),
            secret: Secret::new(secret.into()),
            token: Some(Secret::new("token".into())),
        };
        let origin = Origin { scheme: Scheme::Https, host: Host::parse("iam.amazonaws.com").unwrap(), port: 443 };
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_440_938_160);
        let signed = |path: &str, body: &'static str, secret: &str| {
            let request = hyper::Request::builder().uri(path).header("host", "iam.amazonaws.com").body(()).unwrap();
            let mut out = Outgoing { parts: request.into_parts().0, body: body.into() };
            let scope = scope("iam.amazonaws.com").unwrap();
            let signature = sign(&mut out, &origin, &keys(secret), &scope, at).unwrap();
            let header = out.parts.headers["authorization"].to_str().unwrap().to_owned();
            assert!(header.contains("Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request"), "{header}");
            assert!(
                header.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token"),
                "{header}"
            );
            assert!(header.ends_with(signature.expose()));
            header
        };
        let all = [
            signed("/", "", "k"),
            signed("/a", "", "k"),
            signed("/", "b", "k"),
            signed("/", "", "l"),
            signed("/?q=1", "", "k"),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one));
        }
        assert_eq!(all[0], signed("/", "", "k"));
    }
}
