//! What exists outside, what is being taken back, and what is left behind; and whether an instance is still good.

use super::proxy::{Fault, Proxy};
use super::world::{Existing, Kept, World, asked, blueprint};
use crate::Ec2;
use drydock_sdk::commands::Error;
use drydock_sdk::serde_json::json;
use drydock_sdk::{Blueprint, Health, Inventory, Observation, Thing, ThingState, Verdict, fake};

fn seen(b: &Blueprint<Ec2>) -> Observation {
    Ec2::observe(&fake::context("k"), b).expect("observed")
}

fn state<'a>(things: &'a [Thing], begin: &str) -> &'a ThingState {
    &things.iter().find(|thing| thing.id.starts_with(begin)).expect(begin).state
}

#[test]
fn everything_is_told_with_the_resource_it_was_made_for() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "spot": true, "elastic_ip": true }));
    fake::with(World::new(&proxy), || {
        Kept::new(&b, "r-1").open(&b).expect("opened");
        // What others have, and another blueprint and another installation, is none of it.
        let other = Blueprint { name: "other".to_owned(), ..blueprint(&proxy, json!({})) };
        Kept::new(&other, "r-2").open(&other).expect("opened");
        let other = Blueprint { installation: "other".to_owned(), ..blueprint(&proxy, json!({})) };
        Kept::new(&other, "r-3").open(&other).expect("opened");
        proxy.moto("AllocateAddress", "Domain=vpc");

        let seen = seen(&b);
        assert!(seen.complete && seen.began == b.now);
        let mut things: Vec<(&str, Option<&str>)> = seen
            .things
            .iter()
            .map(|thing| (thing.id.split('-').next().unwrap_or(""), thing.resource.as_deref()))
            .collect();
        things.sort_unstable();
        assert_eq!(things, [("eipalloc", Some("r-1")), ("i", Some("r-1")), ("sir", Some("r-1"))]);
        assert!(seen.things.iter().all(|thing| thing.state == ThingState::Present));
    });
}

#[test]
fn all_pages_are_read() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "spot": true }));
    fake::with(World::new(&proxy), || {
        for number in 0..5 {
            Kept::new(&b, &format!("r-{number}")).open(&b).expect("opened");
        }
        proxy.state().page = Some(2);
        proxy.state().asked.clear();
        let things = seen(&b).things;
        assert_eq!(things.iter().filter(|thing| thing.id.starts_with("i-")).count(), 5);
        assert_eq!(things.iter().filter(|thing| thing.id.starts_with("sir-")).count(), 5);
        assert_eq!((asked(&proxy, "DescribeInstances"), asked(&proxy, "DescribeSpotInstanceRequests")), (3, 3));

        proxy.fault("DescribeInstances", Fault::Other(200, "<R><reservationSet/><nextToken>same</nextToken></R>"));
        proxy.fault("DescribeInstances", Fault::Other(200, "<R><reservationSet/><nextToken>same</nextToken></R>"));
        let failure = Ec2::observe(&fake::context("k"), &b).expect_err("no end");
        assert!(failure.reason.contains("again and again"), "{}", failure.reason);
    });
}

#[test]
fn an_instance_that_was_terminated_outside_is_gone() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "elastic_ip": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        let healthy = Ec2::check(&fake::context("k"), &b, &kept.resource());
        assert!(matches!(healthy, Verdict::Healthy));
        let id = kept.attributes().found.instance.expect("an instance");
        proxy.moto("TerminateInstances", &format!("InstanceId.1={id}"));
        assert!(matches!(state(&seen(&b).things, "i-"), ThingState::Gone(why) if why.contains(&id)));
        assert!(matches!(Ec2::check(&fake::context("k"), &b, &kept.resource()), Verdict::Gone(_)));
        // After an hour, EC2 shows it no more.
        proxy.state().hidden = 2;
        let things = seen(&b).things;
        assert!(!things.iter().any(|thing| thing.id.starts_with("i-")));
        assert!(matches!(state(&things, "eipalloc-"), ThingState::Leaving(_)));
        assert!(matches!(Ec2::check(&fake::context("k"), &b, &kept.resource()), Verdict::Gone(_)));
    });
}

#[test]
fn an_instance_that_cannot_be_used_is_sick() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "path": "/srv/leases" }));
    let kept = Kept::new(&b, "r-1");
    let (mut world, ()) = fake::with(World::new(&proxy), || kept.open(&b).expect("opened"));
    let no_route = || Err(Error::Unreachable("no route".to_owned()));
    world.commands = vec![no_route(), Ok(0), Ok(0), no_route()];
    let (world, ()) = fake::with(world, || {
        let check = || Ec2::check(&fake::context("k"), &b, &kept.resource());
        assert!(matches!(check(), Verdict::Sick(why) if why.contains("no route")));
        assert!(matches!(check(), Verdict::Healthy));
        proxy.fault("DescribeInstances", Fault::Refused(503, "RequestLimitExceeded", "Less."));
        assert!(matches!(check(), Verdict::Healthy), "it answers, whether EC2 does or not");
        proxy.fault("DescribeInstances", Fault::CutBefore);
        assert!(matches!(check(), Verdict::Sick(why) if why.contains("no route") && why.contains("DescribeInstances")));
        let id = kept.attributes().found.instance.expect("an instance");
        proxy.moto("StopInstances", &format!("InstanceId.1={id}"));
        assert!(matches!(check(), Verdict::Sick(why) if why.contains("is stopped")));
    });
    assert!(
        !world.ran.iter().skip(2).any(|command| command.contains("mkdir")),
        "a check changes nothing: {:?}",
        world.ran
    );
}

#[test]
fn an_id_that_ec2_does_not_know_is_nobodys() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    fake::with(World::new(&proxy), || {
        for id in ["i-0123456789abcdef0", "nonsense"] {
            let found = crate::instances::with_id(&crate::api::Api::configured(&b), id);
            assert!(matches!(found, Ok(None)), "{id}: {found:?}");
        }
    });
}

#[test]
fn one_that_runs_no_commands_is_known_by_ec2_alone() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "platform": "windows" }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        let check = || Ec2::check(&fake::context("k"), &b, &kept.resource());
        assert!(matches!(check(), Verdict::Healthy));
        proxy.fault("DescribeInstances", Fault::Refused(503, "RequestLimitExceeded", "Less."));
        assert!(matches!(check(), Verdict::Sick(why) if why.contains("RequestLimitExceeded")));
    });
}

#[test]
fn a_spot_interruption_is_seen() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "spot": true }));
    fake::with(World::new(&proxy), || {
        Kept::new(&b, "r-1").open(&b).expect("opened");
        proxy.state().spot.0[0].status = "marked-for-termination";
        assert!(
            matches!(state(&seen(&b).things, "i-"), ThingState::Leaving(why) if why.contains("marked-for-termination"))
        );
    });
}

#[test]
fn an_event_that_is_planned_is_seen() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        let id = kept.attributes().found.instance.expect("an instance");
        proxy.state().events.push(("i-0".to_owned(), "instance-stop"));
        assert_eq!(*state(&seen(&b).things, "i-"), ThingState::Present);
        proxy.state().events.push((id, "instance-retirement"));
        assert!(matches!(state(&seen(&b).things, "i-"), ThingState::Leaving(why)
            if why.contains("instance-retirement") && why.contains("2026-12-24") && why.contains("the hardware is old")));
    });
}

#[test]
fn what_was_launched_twice_and_ended_does_not_speak_for_the_resource() {
    let proxy = Proxy::start();
    proxy.state().no_tokens = true;
    proxy.fault("RunInstances", Fault::CutAfter);
    let b = blueprint(&proxy, json!({}));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open_to_launch(&b, &proxy);
        proxy.state().hidden = 1;
        kept.open(&b).expect("opened");
        let things = seen(&b).things;
        assert_eq!(things.iter().map(|thing| &thing.state).collect::<Vec<_>>(), [&ThingState::Present]);
    });
}

#[test]
fn only_what_bears_our_tag_is_removed() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "elastic_ip": true, "spot": true }));
    let other = Blueprint { installation: "other".to_owned(), ..blueprint(&proxy, json!({})) };
    fake::with(World::new(&proxy), || {
        Kept::new(&b, "r-1").open(&b).expect("opened");
        for thing in seen(&b).things {
            assert!(Ec2::remove(&fake::context("k"), &other, &thing).expect("not ours").is_done());
        }
        assert_eq!(Existing::of(&proxy), Existing { instances: 1, addresses: 1, spot_requests: 1 });
        let failure = Ec2::remove(&fake::context("k"), &b, &Thing::new("vol-1")).expect_err("not known");
        assert!(failure.reason.contains("vol-1"), "{}", failure.reason);
    });
}
