//! Instances: found, launched, terminated.

use crate::Ec2;
use crate::api::{Api, Done, Page, Params, Set};
use crate::errors::Fault;
use crate::tags::{RESOURCE, Tags};
use drydock_sdk::Blueprint;
use drydock_sdk::serde::Deserialize;

/// An instance, as EC2 describes it. What is empty there may be missing as well as empty.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
pub struct Instance {
    #[serde(rename = "instanceId")]
    pub id: String,
    #[serde(rename = "instanceState")]
    state: StateName,
    #[serde(default)]
    state_reason: Option<StateReason>,
    #[serde(default)]
    private_ip_address: Option<String>,
    #[serde(default, rename = "ipAddress")]
    public_ip_address: Option<String>,
    #[serde(default)]
    spot_instance_request_id: Option<String>,
    #[serde(default)]
    pub instance_type: String,
    #[serde(default)]
    pub launch_time: String,
    #[serde(default)]
    placement: Placement,
    #[serde(default)]
    tag_set: Set<Tag>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct StateName {
    name: State,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
struct StateReason {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Placement {
    #[serde(default)]
    availability_zone: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde")]
pub struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "kebab-case")]
pub enum State {
    Pending,
    Running,
    Stopping,
    Stopped,
    ShuttingDown,
    Terminated,
}

impl State {
    /// It ends, or has ended, and nothing brings it back.
    pub fn is_over(self) -> bool {
        matches!(self, State::ShuttingDown | State::Terminated)
    }

    /// As part of a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            State::Pending => "is starting",
            State::Running => "is running",
            State::Stopping => "is being stopped",
            State::Stopped => "is stopped",
            State::ShuttingDown => "is being terminated",
            State::Terminated => "is terminated",
        }
    }
}

pub fn tag(tags: &Set<Tag>, key: &str) -> Option<String> {
    tags.item.iter().find(|tag| tag.key == key).map(|tag| tag.value.clone())
}

/// What is empty is not there.
pub fn filled(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

impl Instance {
    pub fn state(&self) -> State {
        self.state.name
    }

    /// What has become of it, in a sentence with AWS's reason where there is one.
    pub fn describe(&self) -> String {
        let reason = self.state_reason.as_ref().map(|reason| match reason.message.is_empty() {
            true => reason.code.as_str(),
            false => reason.message.as_str(),
        });
        let is = format!("the instance {} {}", self.id, self.state().describe());
        match reason {
            Some(reason) if !reason.is_empty() => format!("{is}: {reason}"),
            _ => is,
        }
    }

    /// It has ended at its start, for what its configuration demands and can't be had.
    pub fn is_misconfigured(&self) -> bool {
        let codes = ["Client.InternalError", "Client.InvalidSnapshot.NotFound"];
        self.state_reason.as_ref().is_some_and(|reason| codes.contains(&reason.code.as_str()))
    }

    pub fn private_address(&self) -> Option<String> {
        filled(&self.private_ip_address)
    }

    pub fn public_address(&self) -> Option<String> {
        filled(&self.public_ip_address)
    }

    pub fn spot_request(&self) -> Option<String> {
        filled(&self.spot_instance_request_id)
    }

    pub fn zone(&self) -> Option<String> {
        Some(self.placement.availability_zone.clone()).filter(|zone| !zone.is_empty())
    }

    /// The id of the resource that it was made for.
    pub fn resource(&self) -> Option<String> {
        tag(&self.tag_set, RESOURCE)
    }
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Described {
    #[serde(default)]
    reservation_set: Set<Reservation>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Reservation {
    #[serde(default)]
    instances_set: Set<Instance>,
}

impl Page for Described {
    type Item = Instance;

    fn open(self) -> (Vec<Instance>, Option<String>) {
        let reservations = self.reservation_set.item.into_iter();
        (reservations.flat_map(|reservation| reservation.instances_set.item).collect(), self.next_token)
    }
}

/// All that fit, terminated ones included, for as long as EC2 shows them: about an hour. A fresh one may be missing for
/// some seconds.
pub fn find(api: &Api, filters: &Params) -> Result<Vec<Instance>, Fault> {
    let mut found = api.pages::<Described>("DescribeInstances", filters)?;
    found.sort_by(|one, other| (&one.launch_time, &one.id).cmp(&(&other.launch_time, &other.id)));
    Ok(found)
}

/// Those that were made for this resource, the first one first; and this one, should it bear no tags any more.
pub fn of_resource(api: &Api, b: &Blueprint<Ec2>, resource: &str, known: Option<&str>) -> Result<Vec<Instance>, Fault> {
    let mut found = find(api, &Params::new().of(b, resource))?;
    match known {
        Some(id) if !found.iter().any(|one| one.id == id) => found.extend(with_id(api, id)?),
        _ => {}
    }
    Ok(found)
}

/// None where EC2 knows none. A malformed id is none that it knows. It is asked for by its id, and not by a filter: while
/// a zone is disturbed, EC2 refuses questions that may be about all of them.
pub fn with_id(api: &Api, id: &str) -> Result<Option<Instance>, Fault> {
    match api.call::<Described>("DescribeInstances", Params::new().with("InstanceId.1", id)) {
        Err(fault) if fault.is("InvalidInstanceID.NotFound") || fault.is("InvalidInstanceID.Malformed") => Ok(None),
        described => Ok(described?.open().0.into_iter().find(|one| one.id == id)),
    }
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Launched {
    #[serde(default)]
    instances_set: Set<Instance>,
}

/// Launches what `params` say. Only an answer with an instance counts as one.
pub fn launch(api: &Api, params: Params) -> Result<Instance, Fault> {
    let launched: Launched = api.call("RunInstances", params)?;
    let why = "it has no instance".to_owned();
    launched.instances_set.item.into_iter().next().ok_or(Fault::Unreadable { action: "RunInstances".to_owned(), why })
}

/// Has it end. That it has, is to be looked at. One that EC2 doesn't know needs none.
pub fn terminate(api: &Api, id: &str) -> Result<(), Fault> {
    match api.call::<Done>("TerminateInstances", Params::new().with("InstanceId.1", id)) {
        Err(fault) if fault.is("InvalidInstanceID.NotFound") => Ok(()),
        other => other.map(drop),
    }
}

/// Terminates all of them but one: an answer that was lost may have launched a second, where a token counts for one zone
/// only, or for nothing.
pub fn terminate_others(api: &Api, all: &[Instance], keep: &str) -> Result<(), Fault> {
    all.iter().filter(|one| one.id != keep && !one.state().is_over()).try_for_each(|one| terminate(api, &one.id))
}

#[derive(Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Statuses {
    #[serde(default)]
    instance_status_set: Set<Status>,
    #[serde(default)]
    next_token: Option<String>,
}

/// What is planned with an instance.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
pub struct Status {
    pub instance_id: String,
    #[serde(default)]
    events_set: Set<Scheduled>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "drydock_sdk::serde", rename_all = "camelCase")]
struct Scheduled {
    code: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    not_before: String,
}

impl Page for Statuses {
    type Item = Status;

    fn open(self) -> (Vec<Status>, Option<String>) {
        (self.instance_status_set.item, self.next_token)
    }
}

impl Status {
    /// The first event that is still to come, in a sentence.
    pub fn event(&self) -> Option<String> {
        // EC2 marks what is over at the beginning of its description.
        let over =
            |event: &&Scheduled| ["[Completed]", "[Canceled]"].iter().any(|mark| event.description.starts_with(mark));
        let event = self.events_set.item.iter().find(|event| !over(event))?;
        Some(format!("AWS has planned {} for {}: {}", event.code, event.not_before, event.description))
    }
}

/// Instances of the account with which something is planned.
pub fn with_events(api: &Api) -> Result<Vec<Status>, Fault> {
    let codes = ["instance-reboot", "system-reboot", "system-maintenance", "instance-retirement", "instance-stop"];
    api.pages::<Statuses>("DescribeInstanceStatus", &Params::new().filter("event.code", &codes))
}

/// Gives what is launched these tags, from the start.
pub fn tagged(params: &mut Params, tags: &Tags, spot: bool) {
    let kinds = ["instance", "volume"].into_iter().chain(spot.then_some("spot-instances-request"));
    for (number, kind) in (1..).zip(kinds) {
        crate::tags::put(params, number, kind, tags);
    }
}
