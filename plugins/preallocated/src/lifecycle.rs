//! The steps. Each makes or removes exactly one directory per stay, under a name that follows from the stay's id: so a
//! step that is repeated finds what it made before.

use crate::Preallocated;
use crate::config::Attributes;
use crate::contract::exports::drydock::blueprint::lifecycle::Guest;
use crate::contract::types::{
    Blame, Blueprint, Context, Failure, Handout, Leftover, Next, Outcome, Place, Progress, Resource,
};
use crate::directory::Site;
use serde::Deserialize;
use serde_json::json;

impl Guest for Preallocated {
    fn open(c: Context, _: Blueprint, on: Resource) -> Result<Progress, Failure> {
        let attributes = attributes(&on)?;
        let site = Site(&attributes);
        site.prepare()?;
        clear(&site, &c.leftovers)?;
        Ok(done())
    }

    fn activate(_: Context, _: Blueprint, on: Resource, p: Place) -> Result<Progress, Failure> {
        let attributes = attributes(&on)?;
        let site = Site(&attributes);
        let directory = site.directory(&p.id)?;
        if let Some(directory) = &directory {
            site.make(directory)?;
        }
        let state = directory.as_ref().map(|directory| json!({ "directory": directory }).to_string());
        let handout = Handout { access: attributes.access(), directory, environment: Vec::new(), url: None };
        Ok(Progress::Done(Outcome { state, attributes: None, handout: Some(handout) }))
    }

    fn release(_: Context, _: Blueprint, on: Resource, p: Place) -> Result<Progress, Failure> {
        let attributes = attributes(&on)?;
        let site = Site(&attributes);
        if let Some(directory) = site.directory(&p.id)? {
            site.remove(&directory)?;
        }
        Ok(done())
    }

    /// Only leftovers have to be cleared on the host: without any it is not contacted, so a dead host can be closed.
    fn close(c: Context, _: Blueprint, on: Resource) -> Result<Progress, Failure> {
        let attributes = attributes(&on)?;
        clear(&Site(&attributes), &c.leftovers)?;
        Ok(done())
    }
}

fn clear(site: &Site, leftovers: &[Leftover]) -> Result<(), Failure> {
    for leftover in leftovers {
        if let Some(directory) = lies_in(site, leftover)? {
            site.remove(&directory)?;
        }
    }
    Ok(())
}

/// Where a leftover is: the configured path may have been another one then, so what `activate` saved comes first.
fn lies_in(site: &Site, leftover: &Leftover) -> Result<Option<String>, Failure> {
    let expected = site.directory(&leftover.place)?;
    let saved = leftover.state.as_deref().and_then(|state| serde_json::from_str::<Saved>(state).ok());
    let saved = saved.map(|saved| saved.directory).filter(|path| path.ends_with(&format!("/{}", leftover.place)));
    Ok(saved.or(expected))
}

/// What `activate` saves.
#[derive(Deserialize)]
struct Saved {
    directory: String,
}

pub fn attributes(on: &Resource) -> Result<Attributes, Failure> {
    serde_json::from_str(&on.attributes).map_err(|error| Failure {
        blame: Blame::Plugin,
        next: Next::Attention,
        reason: format!("the attributes of {} can't be read: {error}", on.name),
        after: None,
    })
}

fn done() -> Progress {
    Progress::Done(Outcome { state: None, attributes: None, handout: None })
}
