//! The Query API of EC2: actions with parameters in a form, answers in XML.

use crate::Ec2;
use crate::attributes::Attributes;
use crate::errors::{Complaint, Fault};
use crate::tags::{INSTALLATION, RESOURCE};
use drydock_sdk::http::Request;
use drydock_sdk::serde::Deserialize;
use drydock_sdk::serde::de::DeserializeOwned;
use drydock_sdk::{Blueprint, Resource};

const VERSION: &str = "2016-11-15";

/// Items in one answer, where an action gives its answer in pages.
const PAGE: usize = 200;

/// Where and as whom actions are carried out.
pub struct Api<'a> {
    region: &'a str,
    endpoint: String,
    credential: &'a str,
}

/// The parameters of an action.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn new() -> Params {
        Params::default()
    }

    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Params {
        self.set(name, value);
        self
    }

    /// Only what has one of these values under that name.
    pub fn filter(mut self, name: &str, values: &[&str]) -> Params {
        let number = 1 + self.0.iter().filter(|(key, _)| key.starts_with("Filter.") && key.ends_with(".Name")).count();
        self.set(format!("Filter.{number}.Name"), name);
        for (at, value) in (1..).zip(values) {
            self.set(format!("Filter.{number}.Value.{at}"), escaped(value));
        }
        self
    }

    /// Only what bears this tag.
    pub fn tagged(self, key: &str, value: &str) -> Params {
        self.filter(&format!("tag:{key}"), &[value])
    }

    /// Only what was made for this resource.
    pub fn of(self, b: &Blueprint<Ec2>, resource: &str) -> Params {
        self.tagged(INSTALLATION, &b.installation).tagged(RESOURCE, resource)
    }
}

/// A filter's value, in which `*` and `?` would stand for other characters.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('*', r"\*").replace('?', r"\?")
}

/// A list as EC2 gives it: `<somethingSet><item>…</item></somethingSet>`, with any number of items.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Set<T> {
    // The bound that is derived would demand a default of the items.
    #[serde(default = "Vec::new", bound(deserialize = "T: Deserialize<'de>"))]
    pub item: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Set<T> {
        Set { item: Vec::new() }
    }
}

/// One page of a long answer.
pub trait Page: DeserializeOwned {
    type Item;

    fn open(self) -> (Vec<Self::Item>, Option<String>);
}

/// An answer of which nothing is of interest.
#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Done {}

impl<'a> Api<'a> {
    /// As a resource was asked for: that is where it is, whatever the configuration says by now.
    pub fn of(on: &'a Resource<Ec2>) -> Api<'a> {
        let Attributes { region, endpoint, credential, .. } = &on.attributes;
        Api::new(region, endpoint.as_deref(), credential)
    }

    pub fn configured(b: &'a Blueprint<Ec2>) -> Api<'a> {
        Api::new(&b.config.region, b.config.endpoint.as_deref(), &b.config.credential)
    }

    fn new(region: &'a str, endpoint: Option<&str>, credential: &'a str) -> Api<'a> {
        // AWS's partitions have domains of their own.
        let domain = match region.split('-').next() {
            Some("cn") => "amazonaws.com.cn",
            Some("eusc") => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        let endpoint = endpoint.map_or_else(|| format!("https://ec2.{region}.{domain}"), str::to_owned);
        Api { region, endpoint: endpoint.trim_end_matches('/').to_owned(), credential }
    }

    /// Carries out an action. Without an answer it may have been carried out all the same.
    pub fn call<T: DeserializeOwned>(&self, action: &str, params: Params) -> Result<T, Fault> {
        let begin = [("Action", action), ("Version", VERSION)].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let form: Vec<(String, String)> = begin.into_iter().chain(params.0).collect();
        let answer = Request::post_form(format!("{}/", self.endpoint), &form)
            .credential(self.credential)
            .aws(self.region, "ec2")
            .send()
            .map_err(|error| Fault::Unanswered { action: action.to_owned(), error })?;
        let text = answer.text();
        if !answer.is_success() {
            let (code, message) = complaint(&text).unwrap_or_else(|| ("without a code".to_owned(), String::new()));
            let (action, endpoint) = (action.to_owned(), self.endpoint.clone());
            let credential = self.credential.to_owned();
            let complaint = Complaint { action, endpoint, credential, status: answer.status, code, message };
            return Err(Fault::Refused(Box::new(complaint)));
        }
        quick_xml::de::from_str(&text)
            .map_err(|error| Fault::Unreadable { action: action.to_owned(), why: error.to_string() })
    }

    /// All pages of an answer, or a fault.
    pub fn pages<P: Page>(&self, action: &str, params: &Params) -> Result<Vec<P::Item>, Fault> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut params = params.clone().with("MaxResults", PAGE.to_string());
            if let Some(token) = &next {
                params.set("NextToken", token);
            }
            let (items, token) = self.call::<P>(action, params)?.open();
            all.extend(items);
            let token = token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
            if token == next {
                let why = "the same page comes again and again".to_owned();
                return Err(Fault::Unreadable { action: action.to_owned(), why });
            }
            next = token;
        }
    }
}

/// An answer that says what is wrong: EC2's own form, and that of what may stand before it.
#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Wrong {
    #[serde(rename = "Errors", default)]
    errors: Errors,
    #[serde(rename = "Error", default)]
    error: Vec<Error>,
}

#[derive(Default, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Errors {
    #[serde(rename = "Error", default)]
    error: Vec<Error>,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct Error {
    #[serde(rename = "Code", default)]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}

/// The code and the message of an answer that has them: a proxy before EC2 answers in HTML.
fn complaint(text: &str) -> Option<(String, String)> {
    let wrong: Wrong = quick_xml::de::from_str(text).ok()?;
    let first = wrong.errors.error.into_iter().chain(wrong.error).next()?;
    Some((first.code, first.message)).filter(|(code, _)| !code.is_empty())
}
