//! Whether an instance is still good.

use crate::Ec2;
use crate::api::Api;
use crate::instances::{self, State};
use drydock_sdk::directory::System;
use drydock_sdk::{Blueprint, Context, Failure, Health, Resource, Verdict};

impl Health for Ec2 {
    fn check(_: &Context, _: &Blueprint<Ec2>, on: &Resource<Ec2>) -> Verdict {
        let (Some(id), Some(access)) = (&on.attributes.found.instance, on.attributes.access()) else {
            return Verdict::Sick(format!("{} has no instance yet", on.name));
        };
        let unseen = match instances::with_id(&Api::of(on), id) {
            // It is shown for an hour after its end.
            Ok(None) => return Verdict::Gone(format!("EC2 does not know the instance {id} any more")),
            Ok(Some(instance)) => match instance.state() {
                State::ShuttingDown | State::Terminated => return Verdict::Gone(instance.describe()),
                State::Running => None,
                State::Pending | State::Stopping | State::Stopped => return Verdict::Sick(instance.describe()),
            },
            Err(fault) => Some(Failure::from(fault).reason),
        };
        match (on.attributes.site(&on.name, &access).look(), unseen) {
            // While EC2 can't be asked, the instance speaks for itself: if it can be asked.
            (Ok(()), Some(why)) if on.attributes.platform != System::Posix => Verdict::Sick(why),
            (Ok(()), _) => Verdict::Healthy,
            (Err(failure), None) => Verdict::Sick(failure.reason),
            (Err(failure), Some(why)) => Verdict::Sick(format!("{}; and {why}", failure.reason)),
        }
    }
}
