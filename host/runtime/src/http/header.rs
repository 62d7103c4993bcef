//! What of a guest's headers stays, and what it chooses by them.

use hyper::header::{self, HeaderMap, HeaderName};

/// The credential of a request, as the guest chooses it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) credential: Option<String>,
    pub(super) region: Option<String>,
    pub(super) service: Option<String>,
}

/// Ours to a guest; none of them is ever sent.
const OURS: &str = "drydock-";

/// What the host sets itself, or what is between two hops. `authorization` and the like are credentials, which come from
/// the host or not at all.
const TAKEN_OFF: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
];
const OF_SIGNATURES: [&str; 5] =
    ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "x-amz-signature", "x-amz-credential"];

/// Takes off what is not to be sent. The error says which header can't be read.
pub(super) fn take(headers: &mut HeaderMap) -> Result<Choice, String> {
    let choice = Choice {
        credential: one(headers, "drydock-credential")?,
        region: one(headers, "drydock-aws-region")?,
        service: one(headers, "drydock-aws-service")?,
    };
    let ours: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours.iter().chain(&TAKEN_OFF) {
        headers.remove(name);
    }
    for name in OF_SIGNATURES {
        headers.remove(name);
    }
    Ok(choice)
}

fn one(headers: &HeaderMap, name: &str) -> Result<Option<String>, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(value) => Ok(Some(value.to_owned())),
            Err(_) => Err(format!("its header `{name}` is no plain text")),
        },
        (Some(_), Some(_)) => Err(format!("it has the header `{name}` twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn what_could_stand_for_a_credential_is_taken_off() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer mine"),
            ("x-amz-security-token", "mine"),
            ("x-amz-target", "stays"),
            ("drydock-credential", "lab"),
            ("drydock-other", "x"),
            ("accept", "stays"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let choice = take(&mut headers).unwrap();
        assert_eq!(choice.credential.as_deref(), Some("lab"));
        assert!(headers.values().all(|value| value == "stays") && headers.len() == 2, "{headers:?}");

        headers.append("drydock-credential", HeaderValue::from_static("a"));
        headers.append("drydock-credential", HeaderValue::from_static("b"));
        assert!(take(&mut headers).unwrap_err().contains("twice"));
    }
}
