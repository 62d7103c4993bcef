//! An Almanac that a Phabricator or Phorge server has, read over Conduit.

mod call;
mod lenient;
mod search;

use crate::binding::{Binding, Seen};
use crate::config::Conduit;
use drydock_sdk::{Failure, warn};
use search::{Page, Service};
use std::collections::{BTreeMap, BTreeSet};

/// Bindings in one view, of which Drydock takes no more.
const BINDINGS: usize = 20_000;

/// What was read from a server.
pub struct View {
    pub bindings: Vec<Binding>,
    /// Nothing was there that is not among them.
    pub complete: bool,
}

/// Pages of one view: Drydock sends no more requests in one call.
const PAGES: usize = 64;

/// All bindings of the services that are meant, each once: where one comes twice, the later page is right. A service that
/// comes twice shows that the pages were put into another order while they were read, so that others may have been missed.
pub fn view(conduit: &Conduit) -> Result<View, Failure> {
    let mut bindings = BTreeMap::new();
    let mut services = BTreeSet::new();
    let mut complete = true;
    let mut cursors = BTreeSet::new();
    let mut after = None;
    loop {
        let page: Page = call::call(conduit, search::METHOD, &search::fields(conduit, after.as_deref()))?;
        for service in page.data.0.into_iter().filter(|service| conduit.begins(&service.fields.name)) {
            complete &= services.insert(service.phid.clone());
            bindings.extend(of_service(service).map(|binding| (binding.id.clone(), binding)));
        }
        if bindings.len() > BINDINGS {
            return Err(Failure::operator(format!(
                "{} has more than {BINDINGS} bindings of the services that are meant: name fewer of them in `conduit`",
                conduit.uri
            )));
        }
        let Some(next) = page.cursor.after else {
            return Ok(View { bindings: bindings.into_values().collect(), complete });
        };
        if cursors.len() == PAGES - 1 {
            return Err(Failure::operator(format!(
                "{} has more than {PAGES} pages of the services that are meant: name fewer of them in `conduit`, or raise its \
                 `page_size`",
                conduit.uri
            )));
        }
        if !cursors.insert(next.0.clone()) {
            return Err(Failure::provider(format!("{} gives the page after {} again and again", conduit.uri, next.0)));
        }
        after = Some(next.0);
    }
}

fn of_service(service: Service) -> impl Iterator<Item = Binding> {
    let Service { phid, fields, attachments } = service;
    let properties = attachments.properties.properties.by_key();
    attachments.bindings.bindings.0.into_iter().filter_map(move |row| {
        let id = row.phid.clone();
        let binding = row.binding(&phid, &fields, &properties);
        binding.map_err(|why| warn!("the binding {id} of {} is left out: {why}", fields.name)).ok()
    })
}

impl Conduit {
    /// Whether a service of that name may be meant.
    pub fn means_service(&self, name: &str) -> bool {
        (self.services.is_empty() || self.services.iter().any(|service| service == name)) && self.begins(name)
    }

    /// Whether the service of a binding is meant.
    pub fn means(&self, seen: &Seen) -> bool {
        let listed =
            |list: &[String], value: Option<&String>| list.is_empty() || value.is_some_and(|v| list.contains(v));
        self.means_service(&seen.service)
            && listed(&self.types, seen.kind.as_ref())
            && listed(&self.phids, seen.phid.as_ref())
    }

    /// Whether a service's name begins as it shall, which a server can't be asked for.
    fn begins(&self, name: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }
}
