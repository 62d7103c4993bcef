//! The host that a copy stands on: a nested lease.

use crate::WorkingCopy;
use crate::config::Config;
use drydock_sdk::leases::{State, Wish, ask, look};
use drydock_sdk::{Access, Failure, Resource};

/// Where copies are made.
pub struct Ground {
    pub lease: String,
    /// The nested lease's own directory: it goes with it.
    pub directory: String,
}

pub enum Standing {
    On(Ground),
    Waiting { lease: String, note: String },
}

impl Ground {
    pub fn access(&self) -> Access {
        Access::Via(self.lease.clone())
    }

    /// Where a repository's copy is.
    pub fn copy(&self, repository: &str) -> String {
        format!("{}/{repository}", self.directory)
    }

    /// As `open` wrote it down.
    pub fn of(on: &Resource<WorkingCopy>) -> Result<Ground, Failure> {
        match (&on.attributes.lease, &on.attributes.directory) {
            (Some(lease), Some(directory)) => Ok(Ground { lease: lease.clone(), directory: directory.clone() }),
            _ => Err(Failure::plugin(format!("the attributes of {} name no host, though it was opened", on.name))),
        }
    }
}

/// Asks for a host; asked again, it finds the lease that it has.
pub fn lease(config: &Config) -> Result<Standing, Failure> {
    let wish = Wish {
        name: "host".to_owned(),
        kind: "host".to_owned(),
        labels: config.host_labels.clone(),
        blueprints: config.host_blueprints.clone(),
        ..Wish::default()
    };
    let leases = ask(&[wish]).map_err(Failure::operator)?;
    let Some(lease) = leases.into_iter().next() else {
        return Err(Failure::plugin("a host was asked for, and no lease was named"));
    };
    match look(&lease).map_err(Failure::plugin)? {
        State::Waiting(note) => Ok(Standing::Waiting { lease, note }),
        State::Ended(why) => Err(Failure::host(format!("its host is lost: {why}"))),
        State::Active(handout) => match handout.directory.filter(|directory| directory.starts_with('/')) {
            Some(directory) => Ok(Standing::On(Ground { lease, directory })),
            None => Err(Failure::operator(
                "its host gives no absolute directory; give the hosts of that blueprint a `path`",
            )),
        },
    }
}
