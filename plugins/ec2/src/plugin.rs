//! The decisions, and which step does what.

use crate::Ec2;
use crate::attributes::Attributes;
use crate::config::{Config, Wanted};
use crate::{closing, labels, opening};
use drydock_sdk::{
    Access, Acquisition, Allocation, Ask, Blueprint, Context, Failure, Needs, Place, Plugin, Progress, Refusal,
    Request, Resource,
};
use std::time::Duration;

/// From the launch to an SSH server that answers, as a rule.
const EXPECTED: Duration = Duration::from_secs(60);

impl Plugin for Ec2 {
    const NAME: &str = "ec2";
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    const KIND: &str = "host";
    type Config = Config;
    type Request = Wanted;
    type Attributes = Attributes;

    fn asks() -> Vec<Ask> {
        vec![
            Ask::http("*", "the EC2 endpoint of the configured region"),
            Ask::credential("aws", "to sign the requests to EC2"),
            Ask::credential("ssh", "to import the public half as a key pair, so that instances can be reached"),
            Ask::ssh("to wait for an instance, and to make and remove the directories of leases on it"),
        ]
    }

    fn check_config(config: &Config) -> Result<(), String> {
        config.check()
    }

    fn consider(b: &Blueprint<Ec2>, r: &Request<Ec2>) -> Result<Needs, Refusal> {
        let needed = labels::needed(r);
        match labels::missing(&needed, &labels::made(&b.config)) {
            Some(missing) => Err(Refusal::never(format!("the instances of {} have not {missing}", b.name))),
            None => Ok(Needs::labels(needed)),
        }
    }

    /// Instances are made as they are needed: it is for the host to say how many.
    fn allocate(b: &Blueprint<Ec2>, r: &Request<Ec2>) -> Result<Vec<Allocation<Ec2>>, Refusal> {
        Ec2::consider(b, r)?;
        let name = format!("{}-{:06x}", b.name, b.chance().below(1 << 24));
        let shares = b.config.shares.or(b.config.platform.shares(b.config.path.as_deref()));
        let allocation = Allocation::new(name, Attributes::from(&b.config))
            .labels(labels::made(&b.config))
            .limit(shares)
            .expected(EXPECTED);
        Ok(vec![allocation])
    }

    fn acquire(_: &Blueprint<Ec2>, on: &Resource<Ec2>, r: &Request<Ec2>) -> Result<Acquisition, Refusal> {
        if let Some(missing) = labels::missing(&labels::needed(r), &on.labels) {
            return Err(Refusal::never(format!("{} has not {missing}", on.name)));
        }
        // Before it runs, nobody knows how it will be reached.
        let ready = on.attributes.access().and_then(|access| on.attributes.site(&on.name, &access).ready());
        Ok(Acquisition { ready, ..Acquisition::default() })
    }

    fn open(c: &Context, b: &Blueprint<Ec2>, on: &Resource<Ec2>) -> Result<Progress, Failure> {
        opening::open(c, b, on)
    }

    fn activate(_: &Context, _: &Blueprint<Ec2>, on: &Resource<Ec2>, p: &Place<Ec2>) -> Result<Progress, Failure> {
        on.attributes.site(&on.name, &access(on)?).activate(&p.id)
    }

    fn release(_: &Context, _: &Blueprint<Ec2>, on: &Resource<Ec2>, p: &Place<Ec2>) -> Result<Progress, Failure> {
        on.attributes.site(&on.name, &access(on)?).release(&p.id)
    }

    fn close(_: &Context, b: &Blueprint<Ec2>, on: &Resource<Ec2>) -> Result<Progress, Failure> {
        closing::close(b, on)
    }
}

fn access(on: &Resource<Ec2>) -> Result<Access, Failure> {
    on.attributes.access().ok_or_else(|| Failure::plugin(format!("{} is active, and has no address", on.name)))
}
