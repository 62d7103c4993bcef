//! Whether a request is covered by both sides: what the plugin asks for, and what the operator grants.

use super::address::{Reach, reach};
use super::grant::HttpGrant;
use crate::call::Asker;
use crate::origin::{HostPattern, Origin, Origins};
use std::net::IpAddr;

/// A request that both sides cover, as far as its name tells.
#[derive(Debug)]
pub(crate) struct Permit {
    origin: Origin,
    /// The grants that cover it. Never empty.
    grants: Vec<HttpGrant>,
}

/// Whether this call may send such a request. The error names both sides and says what to do.
pub(crate) fn permit(asker: &Asker, method: &str, origin: &Origin) -> Result<Permit, String> {
    let (plugin, blueprint, function) = (&asker.rights.plugin, &asker.blueprint, asker.function.name());
    let request = format!("{method} to {origin}");
    if !asker.function.acts() {
        return Err(format!(
            "the plugin {plugin} tried to send {request} in `{function}`, which only decides; requests can be sent in open, \
             activate, release, close, check, observe and remove"
        ));
    }
    if ["CONNECT", "TRACE"].contains(&method) {
        return Err(format!("the plugin {plugin} tried to send {request}, and {method} is sent for no plugin"));
    }
    let mut asks = asker.rights.asks.iter().filter(|permission| permission.what == "http");
    let ask = asks.find(|ask| HostPattern::parse(&ask.scope).is_some_and(|scope| scope.matches(&origin.host)));
    let grants: Vec<HttpGrant> = asker.rights.grants.iter().filter_map(|grant| grant.parse().ok()).collect();
    let covering: Vec<HttpGrant> = grants.iter().filter(|grant| grant.covers(method, origin)).cloned().collect();
    // Where other methods of the same server are granted, one more is; otherwise the server is.
    let narrow = grants.iter().any(|grant| grant.to.matches(origin));
    let grant =
        HttpGrant { methods: narrow.then(|| vec![method.to_owned()]), to: Origins::from(origin), reach: Reach::Public };
    let line = asker.rights.with_grant(&grant.to_string());
    let author =
        format!("its author has to add to `asks` an entry with the what `http` and the scope `{}`", origin.host);
    let operator = format!("put this line into that [[blueprint]] of the configuration: grants = [{line}]");
    match (ask, covering.is_empty()) {
        (Some(_), false) => Ok(Permit { origin: origin.clone(), grants: covering }),
        (None, false) => Err(format!(
            "the plugin {plugin} of the blueprint \"{blueprint}\" tried to send {request}, which the operator has granted, \
             but the plugin does not ask for in what it says of itself; {author}"
        )),
        (None, true) => Err(format!(
            "the plugin {plugin} of the blueprint \"{blueprint}\" tried to send {request}, but does not ask for that in \
             what it says of itself, and the operator has not granted it; {author}, and to grant it then, {operator}"
        )),
        (Some(ask), true) => Err(format!(
            "the plugin {plugin} asks to send HTTP requests to {} (it says: {}), and the operator has not granted {request} \
             to the blueprint \"{blueprint}\"; to grant it, {operator}",
            ask.scope, ask.reason
        )),
    }
}

impl Permit {
    /// Whether the request may go to these addresses, which its host was found to have: to all of them, or to none.
    pub(crate) fn check(&self, asker: &Asker, addresses: &[IpAddr]) -> Result<(), String> {
        let allowed = |reach: Reach| self.grants.iter().any(|grant| grant.allows(reach));
        let Some((address, reach)) = addresses.iter().map(|a| (a, reach(*a))).find(|(_, reach)| !allowed(*reach))
        else {
            return Ok(());
        };
        let (plugin, blueprint, origin) = (&asker.rights.plugin, &asker.blueprint, &self.origin);
        let which = format!(
            "the plugin {plugin} of the blueprint \"{blueprint}\" tried to send a request to {origin}, and the address of \
             that host is {address}, {}",
            reach.said()
        );
        if reach == Reach::Nowhere {
            return Err(format!("{which}; no grant allows that"));
        }
        let granted = &self.grants[0];
        let wider = HttpGrant { reach, ..granted.clone() };
        let line = asker.rights.with_grant(&wider.to_string());
        Err(format!(
            "{which}, which the grant \"{granted}\" does not cover; if the request is meant to go there, put this line into \
             that [[blueprint]] of the configuration: grants = [{line}]"
        ))
    }
}
