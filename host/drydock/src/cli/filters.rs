//! Which leases, resources and events are meant, as flags say it.

use super::args::status;
use super::attribute::{attributes, labels, parse_attribute, parse_label};
use super::moment::parse_since;
use crate::api::types::{EventsQuery, LeasesQuery, ResourcesQuery};
use crate::exit::{self, Exit};
use clap::Args;
use clap::builder::NonEmptyStringValueParser as Text;
use drydock_core::contract::Labels;
use drydock_core::model::rows::Doc;
use drydock_core::model::status::LeaseStatus;
use serde_json::{Map, Value};

/// What can be said of leases, resources and events alike.
#[derive(Clone, Debug, Default, Args)]
pub struct OfArgs {
    /// Only those of this resource type
    #[arg(long = "type", value_name = "TYPE", value_parser = Text::new())]
    pub kind: Option<String>,

    /// Only those of this blueprint: leases that are or were on a resource of it, or that only it may serve
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub blueprint: Option<String>,

    /// Only those with this label; repeatable. A lease has the labels that it asks for
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_label)]
    pub label: Vec<(String, String)>,

    /// Only those with this attribute; repeatable. A lease has the attributes that it asks for
    #[arg(short, long = "attribute", value_name = "KEY=VALUE", value_parser = parse_attribute)]
    pub attribute: Vec<(String, Value)>,

    /// Only what was asked for, made, or written then or later: so long ago, like 2h, or at a moment in UTC, like
    /// 2026-11-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub since: Option<i64>,

    /// Only what was asked for, made, or written before then
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub until: Option<i64>,
}

/// Which leases.
#[derive(Clone, Debug, Default, Args)]
pub struct WhichArgs {
    #[command(flatten)]
    pub of: OfArgs,

    /// Only those of this owner
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub owner: Option<String>,

    /// Only those in this status: pending, acquired, active, released, broken, destroyed
    #[arg(long, value_name = "STATUS", value_parser = status::<LeaseStatus>)]
    pub status: Option<LeaseStatus>,

    /// Only those that wait: the same as --status pending
    #[arg(long, conflicts_with = "status")]
    pub pending: bool,

    /// Only those that are or were on this resource; its id, or the beginning of it
    #[arg(long, value_name = "RESOURCE", value_parser = Text::new())]
    pub on: Option<String>,
}

/// Every flag of [`WhichArgs`], by its name in the definition.
pub const WHICH: [&str; 10] =
    ["kind", "blueprint", "label", "attribute", "since", "until", "owner", "status", "pending", "on"];

/// How much of a list, and how.
#[derive(Clone, Debug, Default, Args)]
pub struct ListArgs {
    /// Also those that are over
    #[arg(long)]
    pub all: bool,

    /// Only those that are over
    #[arg(long, conflicts_with = "all")]
    pub finished: bool,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub limit: u32,

    /// Print them as JSON: one object with the list
    #[arg(long)]
    pub json: bool,
}

impl OfArgs {
    fn labels(&self) -> Result<Option<Doc<Labels>>, Exit> {
        let labels = labels(&self.label).map_err(|why| Exit::new(exit::INVALID, why))?;
        Ok(Some(Doc(labels)).filter(|labels| !labels.0.is_empty()))
    }

    fn attributes(&self) -> Result<Option<Doc<Map<String, Value>>>, Exit> {
        let attributes = attributes(&self.attribute).map_err(|why| Exit::new(exit::INVALID, why))?;
        Ok(Some(Doc(attributes)).filter(|attributes| !attributes.0.is_empty()))
    }

    pub fn resources(&self) -> Result<ResourcesQuery, Exit> {
        Ok(ResourcesQuery {
            kind: self.kind.clone(),
            blueprint: self.blueprint.clone(),
            labels: self.labels()?,
            attributes: self.attributes()?,
            since: self.since,
            until: self.until,
            ..ResourcesQuery::default()
        })
    }

    pub fn events(&self) -> Result<EventsQuery, Exit> {
        Ok(EventsQuery {
            kind: self.kind.clone(),
            blueprint: self.blueprint.clone(),
            labels: self.labels()?,
            attributes: self.attributes()?,
            since: self.since,
            until: self.until,
            ..EventsQuery::default()
        })
    }
}

impl WhichArgs {
    pub fn status(&self) -> Option<LeaseStatus> {
        self.status.or(self.pending.then_some(LeaseStatus::Pending))
    }

    pub fn leases(&self) -> Result<LeasesQuery, Exit> {
        Ok(LeasesQuery {
            kind: self.of.kind.clone(),
            owner: self.owner.clone(),
            blueprint: self.of.blueprint.clone(),
            status: self.status(),
            resource: self.on.clone(),
            labels: self.of.labels()?,
            attributes: self.of.attributes()?,
            since: self.of.since,
            until: self.of.until,
            ..LeasesQuery::default()
        })
    }

    pub fn events(&self) -> Result<EventsQuery, Exit> {
        Ok(EventsQuery {
            owner: self.owner.clone(),
            status: self.status().map(|status| status.name().to_owned()),
            resource: self.on.clone(),
            ..self.of.events()?
        })
    }
}
