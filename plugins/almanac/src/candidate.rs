//! Which bindings are known while planning, and how they are known.

use crate::binding::{Binding, Seen};
use crate::config::Config;
use crate::demand::{Demand, described};
use crate::listing;
use drydock_sdk::{Refusal, Thing, ThingState, view};
use std::time::Duration;

/// How long who waits for a view, or for another one, is not asked about again.
const PAUSE: Duration = Duration::from_secs(10);

/// The bindings that are known, and as of when: none, where the configuration lists them.
pub struct Known {
    bindings: Vec<Binding>,
    age: Option<Duration>,
}

impl Known {
    /// What is known now. A view that was had under an earlier configuration may have in it what is not meant any more.
    pub fn now(config: &Config) -> Result<Known, Refusal> {
        let Some(conduit) = &config.conduit else {
            let services = config.services.as_deref().unwrap_or_default();
            return Ok(Known { bindings: listing::bindings(services), age: None });
        };
        let Some(sight) = view::observed() else {
            return Err(Refusal::not_now(PAUSE, format!("nothing is known of the Almanac at {} yet", conduit.uri)));
        };
        let bindings = sight.things.iter().filter_map(binding).filter(|one| conduit.means(&one.seen)).collect();
        Ok(Known { bindings, age: Some(sight.age) })
    }

    /// Those that meet every demand and take something new; there is at least one.
    pub fn matching(&self, demands: &[Demand]) -> Result<Vec<&Binding>, Refusal> {
        let meets_all = |binding: &&Binding| demands.iter().all(|demand| demand.is_met_by(&binding.labels));
        let all: Vec<&Binding> = self.bindings.iter().filter(meets_all).collect();
        let active: Vec<&Binding> = all.iter().copied().filter(|binding| binding.leaving.is_none()).collect();
        let reason = match all.first().and_then(|first| first.leaving.as_ref()) {
            _ if !active.is_empty() => return Ok(active),
            None if demands.is_empty() => "there is no binding".to_owned(),
            None => format!("no binding has all of this: {}", described(demands)),
            Some(why) if all.len() == 1 => format!("the only binding that could serve it takes nothing new: {why}"),
            Some(why) => {
                format!("none of the {} bindings that could serve it takes anything new; of one, {why}", all.len())
            }
        };
        Err(Refusal::not_now(PAUSE, reason + &self.as_seen()))
    }

    /// The end of a sentence about them, which says how old it is.
    pub fn as_seen(&self) -> String {
        let Some(age) = self.age else { return String::new() };
        let seconds = age.as_secs();
        match seconds {
            0 => ", as seen a moment ago".to_owned(),
            1..120 => format!(", as seen {seconds} s ago"),
            120..7200 => format!(", as seen {} min ago", seconds / 60),
            _ => format!(", as seen {} h ago", seconds / 3600),
        }
    }
}

/// A thing of the inventory, as the binding that it was. None, where it is none.
fn binding(thing: &Thing) -> Option<Binding> {
    let leaving = match &thing.state {
        ThingState::Present => None,
        ThingState::Leaving(why) | ThingState::Gone(why) => Some(why.clone()),
    };
    let seen = thing.known::<Seen>().ok()?;
    Some(Binding { id: thing.id.clone(), slot: thing.slot.clone()?, seen, labels: thing.labelled(), leaving })
}
