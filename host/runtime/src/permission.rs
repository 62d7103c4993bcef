//! What a plugin asks for beside what an operator grants.

use crate::http::HttpGrant;
use crate::origin::HostPattern;
use drydock_core::contract::Permission;

/// Whether a grant lets a plugin do any of what it asks there. For HTTP a grant may allow more, or less: what of a
/// request both cover is done.
pub fn covers(grant: &str, ask: &Permission) -> bool {
    let Some((what, scope)) = grant.split_once(':') else { return false };
    match (what, ask.what.as_str()) {
        ("credential", "credential") => true,
        ("http", "http") => {
            let asked = HostPattern::parse(&ask.scope);
            let granted = grant.parse::<HttpGrant>();
            matches!((granted, asked), (Ok(grant), Some(asked)) if grant.to.host.overlaps(&asked))
        }
        (granted, asked) => granted == asked && scope == ask.scope,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_covers_what_is_asked_in_its_words() {
        let covers = |grant: &str, what: &str, scope: &str| {
            let ask = Permission { what: what.to_owned(), scope: scope.to_owned(), reason: String::new() };
            super::covers(grant, &ask)
        };
        assert!(covers("commands:ssh", "commands", "ssh") && !covers("commands:ssh", "commands", "local"));
        assert!(covers("leases:host", "leases", "host") && !covers("leases:host", "leases", "vm"));
        assert!(covers("credential:lab", "credential", "server") && !covers("credential:lab", "http", "lab"));
        assert!(covers("http:GET ec2.amazonaws.com", "http", "*.amazonaws.com"));
        assert!(covers("http:* private", "http", "a.example") && !covers("http:b.example", "http", "a.example"));
        assert!(!covers("http:a b c", "http", "*") && !covers("http", "http", "*"));
    }
}
