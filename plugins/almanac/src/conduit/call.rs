//! One call of Conduit: a form goes out, and JSON comes back, with errors in it whatever its HTTP status.

use crate::config::Conduit;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::serde::de::DeserializeOwned;
use drydock_sdk::serde_json::{self, error::Category};
use drydock_sdk::{Failure, http};
use std::time::Duration;

/// Bytes of one answer. A page of a hundred services with some bindings each has a few hundred thousand.
const ANSWER: usize = 8 << 20;

/// Characters of what a server says that are given on.
const QUOTED: usize = 300;

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Answer<T> {
    result: Option<T>,
    error_code: Option<String>,
    error_info: Option<String>,
}

/// What the method answers to these fields; the host puts in the API token.
pub fn call<T: DeserializeOwned>(conduit: &Conduit, method: &str, fields: &[(String, String)]) -> Result<T, Failure> {
    let url = format!("{}/api/{method}", conduit.uri.trim_end_matches('/'));
    let request = http::Request::post_form(&url, fields).credential(&conduit.credential).limit(ANSWER);
    let response = request.send().map_err(|error| match error {
        http::Error::TooLarge(text) => Failure::operator(format!("{text}: lower `page_size` in `conduit`")),
        http::Error::Invalid(text) => Failure::operator(text),
        error => Failure::from(error),
    })?;
    refused(&url, &response)?;
    read(&url, &response)
}

/// What the status alone says.
fn refused(url: &str, response: &http::Response) -> Result<(), Failure> {
    match response.status {
        200..=299 => Ok(()),
        300..=399 => Err(Failure::operator(format!(
            "{url} redirects to {}, and no redirect is followed: correct `uri` in `conduit`",
            quoted(response.header("location").unwrap_or("another place"))
        ))),
        401 | 403 => Err(Failure::operator(format!(
            "{url} lets nobody in (HTTP {}): look at the `credential` in `conduit`, and at what is before the server",
            response.status
        ))),
        404 => Err(Failure::operator(format!(
            "{url} does not exist (HTTP 404): correct `uri` in `conduit`, which is where people find the server"
        ))),
        status => {
            let failure = Failure::provider(format!("{url} answers with HTTP {status}"));
            let after = response.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
            Err(match after {
                Some(seconds) => failure.after(Duration::from_secs(seconds)),
                None => failure,
            })
        }
    }
}

fn read<T: DeserializeOwned>(url: &str, response: &http::Response) -> Result<T, Failure> {
    let answer: Answer<T> = serde_json::from_slice(&response.body).map_err(|error| match error.classify() {
        Category::Data => Failure::provider(format!("{url} answers what is none of its answers: {error}")),
        Category::Eof => Failure::provider(format!("the answer of {url} ends too early")),
        Category::Syntax | Category::Io => {
            let kind = response.header("content-type").unwrap_or("no content type");
            Failure::provider(format!("{url} answers with something else than JSON ({}): is it down?", quoted(kind)))
        }
    })?;
    if let Some(code) = answer.error_code {
        return Err(error(url, &code, &answer.error_info.unwrap_or_default()));
    }
    answer.result.ok_or_else(|| Failure::provider(format!("{url} answers with neither a result nor an error")))
}

/// An error of Conduit. Whether time heals it is not in its code where the server has only one for all of its exceptions.
fn error(url: &str, code: &str, info: &str) -> Failure {
    let shown = quoted(info);
    match code {
        "ERR-INVALID-AUTH" | "ERR-INVALID-SESSION" | "ERR-USER-DISABLED" | "ERR-PERMISSIONS" => {
            Failure::operator(format!(
                "{url} refuses the `credential` of `conduit` ({code}: {}): give it an API token that is valid there",
                without_quotes(&shown)
            ))
        }
        "ERR-CONDUIT-CORE" | "ERR-CONDUIT-CALL" if is_about_the_question(info) => Failure::operator(format!(
            "{url} does not understand what it is asked ({code}: {shown}): look at `conduit`"
        )),
        _ => Failure::provider(format!("{url} fails ({}: {shown})", quoted(code))),
    }
}

fn is_about_the_question(info: &str) -> bool {
    ["constraint", "does not exist", "not installed"].iter().any(|part| info.to_ascii_lowercase().contains(part))
}

/// The beginning of what a server says.
fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

/// The same without what stands in quotation marks: a server repeats the token that it refuses.
fn without_quotes(text: &str) -> String {
    let parts = text.split('"').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { "…" }).collect()
}
