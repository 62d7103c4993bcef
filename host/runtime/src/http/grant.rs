//! `http:` in a blueprint's grants.

use super::address::Reach;
use crate::origin::{Origin, Origins};
use std::fmt;
use std::str::FromStr;

/// `http:[METHODS ][SCHEME://]HOST[:PORT][ private| link-local]`: to whom a blueprint's plugin may send what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// None: all of them.
    pub methods: Option<Vec<String>>,
    pub to: Origins,
    /// `Public` is always among what it allows; `Private` and `LinkLocal` each add themselves.
    pub reach: Reach,
}

impl HttpGrant {
    pub fn covers(&self, method: &str, origin: &Origin) -> bool {
        let methods = self.methods.as_ref();
        self.to.matches(origin) && methods.is_none_or(|methods| methods.iter().any(|known| known == method))
    }

    pub fn allows(&self, reach: Reach) -> bool {
        reach == Reach::Public || reach == self.reach
    }
}

/// What each part is, for who wrote it otherwise.
const GRAMMAR: &str =
    "it is http:HOST, with methods such as GET,POST before the host, and private or link-local after it";

impl FromStr for HttpGrant {
    type Err = String;

    fn from_str(text: &str) -> Result<HttpGrant, String> {
        let rest = text.strip_prefix("http:").ok_or_else(|| GRAMMAR.to_owned())?;
        let mut words: Vec<&str> = rest.split(' ').collect();
        if words.iter().any(|word| word.is_empty()) {
            return Err(format!("a word is missing, or two blanks are together; {GRAMMAR}"));
        }
        let reach = match words.last() {
            Some(&"private") if words.len() > 1 => Reach::Private,
            Some(&"link-local") if words.len() > 1 => Reach::LinkLocal,
            _ => Reach::Public,
        };
        if reach != Reach::Public {
            words.pop();
        }
        let (methods, to) = match words[..] {
            [to] => (None, to),
            [methods, to] => (Some(parse_methods(methods)?), to),
            _ => return Err(format!("it has too many words; {GRAMMAR}")),
        };
        let to = to.parse().map_err(|problem| format!("{problem}; {GRAMMAR}"))?;
        Ok(HttpGrant { methods, to, reach })
    }
}

fn parse_methods(text: &str) -> Result<Vec<String>, String> {
    let methods: Vec<String> = text.split(',').map(str::to_owned).collect();
    let plain = |method: &String| !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    if let Some(method) = methods.iter().find(|method| !plain(method)) {
        return Err(format!(
            "{method:?} is no method; methods are in capitals, with commas and no blanks between them"
        ));
    }
    match methods.iter().find(|method| ["CONNECT", "TRACE"].contains(&method.as_str())) {
        Some(method) => Err(format!("{method} can't be granted")),
        None => Ok(methods),
    }
}

impl fmt::Display for HttpGrant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("http:")?;
        if let Some(methods) = &self.methods {
            write!(formatter, "{} ", methods.join(","))?;
        }
        self.to.fmt(formatter)?;
        match self.reach {
            Reach::Private => formatter.write_str(" private"),
            Reach::LinkLocal => formatter.write_str(" link-local"),
            Reach::Public | Reach::Nowhere => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_shown_as_they_are_written() {
        for text in [
            "http:*",
            "http:a.example",
            "http:GET *.a.example:8443",
            "http:GET,POST http://a.example private",
            "http:http://[::1]:8080 private",
            "http:http://169.254.169.254 link-local",
            "http:private",
        ] {
            let grant: HttpGrant = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(grant.to_string(), text);
        }
        for (text, says) in [
            ("http:", "word is missing"),
            ("http:GET", "GET"),
            ("http:get a", "no method"),
            ("http:GET, POST a", "too many words"),
            ("http:GET  a", "two blanks"),
            ("http:GET a public", "too many words"),
            ("http:TRACE a", "TRACE can't be granted"),
            ("http:ftp://a", "no scheme"),
            ("http:a/path", "without a path"),
            ("http:a:x", "no port"),
        ] {
            match text.parse::<HttpGrant>() {
                // In capitals it might be a host as well.
                Ok(grant) => assert_eq!((text, grant.to_string().as_str()), ("http:GET", "http:get")),
                Err(error) => assert!(error.contains(says), "{text}: {error}"),
            }
        }
    }
}
