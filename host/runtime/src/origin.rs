//! Which servers a pattern of the configuration means.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    pub fn port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A host as a request names it: a name in lower case without a dot at its end, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// None for what no host is called. An IPv6 address may stand in brackets; one that stands for an IPv4 address is
    /// that address.
    pub fn parse(text: &str) -> Option<Host> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Host::Address(address.to_canonical()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Host::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        is_name(&name).then_some(Host::Name(name))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => formatter.write_str(name),
            Host::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
            Host::Address(IpAddr::V4(address)) => write!(formatter, "{address}"),
        }
    }
}

/// Labels of letters, digits, `-` and `_`, parted by dots.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()) && label.chars().all(plain))
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
}

impl Origin {
    /// Host and port, as the header `host` has them.
    pub fn authority(&self) -> String {
        match self.port == self.scheme.port() {
            true => self.host.to_string(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.name(), self.authority())
    }
}

/// `*`, `*.example.org`, or one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    Any,
    /// Every name below this one, and not itself. Addresses have no names above them.
    Below(String),
    One(Host),
}

impl HostPattern {
    pub fn parse(text: &str) -> Option<HostPattern> {
        if text == "*" {
            return Some(HostPattern::Any);
        }
        match text.strip_prefix("*.") {
            Some(rest) => match Host::parse(rest)? {
                Host::Name(name) => Some(HostPattern::Below(name)),
                Host::Address(_) => None,
            },
            None => Some(HostPattern::One(Host::parse(text)?)),
        }
    }

    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (HostPattern::Any, _) => true,
            (HostPattern::Below(above), Host::Name(name)) => is_below(name, above),
            (HostPattern::Below(_), Host::Address(_)) => false,
            (HostPattern::One(one), host) => one == host,
        }
    }

    /// Whether there is a host that both match.
    pub fn overlaps(&self, other: &HostPattern) -> bool {
        match (self, other) {
            (HostPattern::Any, _) | (_, HostPattern::Any) => true,
            (HostPattern::Below(one), HostPattern::Below(two)) => {
                one == two || is_below(one, two) || is_below(two, one)
            }
            (HostPattern::One(host), pattern) | (pattern, HostPattern::One(host)) => pattern.matches(host),
        }
    }
}

fn is_below(name: &str, above: &str) -> bool {
    name.strip_suffix(above).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Any => formatter.write_str("*"),
            HostPattern::Below(name) => write!(formatter, "*.{name}"),
            HostPattern::One(host) => host.fmt(formatter),
        }
    }
}

/// `[SCHEME://]HOST[:PORT]`: the servers that a grant or a credential is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    pub scheme: Scheme,
    pub host: HostPattern,
    pub port: u16,
}

impl Origins {
    pub fn matches(&self, origin: &Origin) -> bool {
        self.scheme == origin.scheme && self.port == origin.port && self.host.matches(&origin.host)
    }
}

/// That one alone.
impl From<&Origin> for Origins {
    fn from(origin: &Origin) -> Origins {
        Origins { scheme: origin.scheme, host: HostPattern::One(origin.host.clone()), port: origin.port }
    }
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Origins, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some((other, _)) => return Err(format!("there is no scheme {other:?}; it is http or https")),
            None => (Scheme::Https, text),
        };
        // The colons of an address in brackets part no port.
        let after = rest.rfind(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match rest[after..].rfind(':') {
            Some(colon) => (&rest[..after + colon], Some(&rest[after + colon + 1..])),
            None => (rest, None),
        };
        let port = match port {
            None => scheme.port(),
            Some(text) => match text.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(format!("{text:?} is no port; it is 1 to 65535")),
            },
        };
        let host = HostPattern::parse(host).ok_or_else(|| {
            format!("{host:?} is no host; it is a name, an address (IPv6 in brackets), *.NAME, or *, without a path")
        })?;
        Ok(Origins { scheme, host, port })
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::Http {
            formatter.write_str("http://")?;
        }
        self.host.fmt(formatter)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(formatter, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_they_say_and_nothing_else() {
        for (pattern, yes, no) in [
            ("*", vec!["a.example", "10.0.0.1", "[::1]"], vec![]),
            (
                "*.a.example",
                vec!["b.a.example", "c.b.A.example."],
                vec!["a.example", "ba.example", "a.example.org", "10.0.0.1"],
            ),
            ("a.example", vec!["A.EXAMPLE", "a.example."], vec!["b.a.example", "a.examples"]),
            ("10.0.0.1", vec!["10.0.0.1", "[::ffff:10.0.0.1]"], vec!["10.0.0.2", "10.0.0.1.example"]),
            ("[::1]", vec!["::1", "[0::1]"], vec!["[::2]", "127.0.0.1"]),
        ] {
            let pattern = HostPattern::parse(pattern).unwrap();
            for host in yes {
                assert!(pattern.matches(&Host::parse(host).unwrap()), "{pattern} {host}");
            }
            for host in no {
                assert!(!pattern.matches(&Host::parse(host).unwrap()), "{pattern} {host}");
            }
        }
        for text in ["", ".", "a..b", "a b", "*.", "*.*", "a*", "*.10.0.0.1", "[::1", "a/b", "a@b", "ü.example", "a,b"]
        {
            assert!(HostPattern::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn patterns_overlap_where_a_host_is_of_both() {
        let overlap = |a: &str, b: &str| {
            let (a, b) = (HostPattern::parse(a).unwrap(), HostPattern::parse(b).unwrap());
            assert_eq!(a.overlaps(&b), b.overlaps(&a));
            a.overlaps(&b)
        };
        assert!(overlap("*", "10.0.0.1") && overlap("*.a.b", "*.b") && overlap("*.b", "a.b") && overlap("a", "a"));
        assert!(!overlap("*.a", "*.b") && !overlap("*.a", "a") && !overlap("a", "b"));
    }

    #[test]
    fn origins_are_read_with_their_defaults_and_shown_as_they_are_written() {
        for (text, scheme, port) in [
            ("a.example", Scheme::Https, 443),
            ("http://a.example", Scheme::Http, 80),
            ("*.a.example:8443", Scheme::Https, 8443),
            ("http://[::1]:9", Scheme::Http, 9),
            ("[::1]", Scheme::Https, 443),
        ] {
            let origins: Origins = text.parse().unwrap();
            assert_eq!((origins.scheme, origins.port, origins.to_string().as_str()), (scheme, port, text));
        }
        assert_eq!("https://a.example:443".parse::<Origins>().unwrap().to_string(), "a.example");
        for text in ["ftp://a", "a:0", "a:99999", "a:", "a/b", "http://", "::1", "u@a", "https://a/"] {
            assert!(text.parse::<Origins>().is_err(), "{text}");
        }
    }
}
