//! What EC2 refuses is told to the right person.

use super::proxy::{Fault, Proxy};
use super::world::{Existing, Kept, World, asked, blueprint};
use crate::Ec2;
use drydock_sdk::commands::Error;
use drydock_sdk::serde_json::{Value, json};
use drydock_sdk::{Blame, Failure, Inventory, Next, fake};

fn failed(prepare: impl FnOnce(&Proxy), more: Value) -> Failure {
    let proxy = Proxy::start();
    prepare(&proxy);
    let b = blueprint(&proxy, more);
    let (_, answer) = fake::with(World::new(&proxy), || Kept::new(&b, "r-1").open(&b));
    assert_eq!(Existing::of(&proxy), Existing::nothing());
    answer.expect_err("it fails")
}

#[test]
fn what_moto_itself_refuses_is_for_the_operator() {
    for (config, code, advice) in [
        (json!({ "image": "ami-00000000" }), "InvalidAMIID.NotFound", "`image`"),
        (json!({ "image": "ami-00000000", "volume_gb": 9 }), "InvalidAMIID.NotFound", "`image`"),
        (json!({ "subnet": "subnet-0" }), "InvalidSubnetID.NotFound", "`subnet`"),
        (json!({ "security_groups": ["sg-0"] }), "InvalidGroup.NotFound", "`security_groups`"),
        (json!({ "instance_type": "t0.none" }), "InvalidInstanceType", "`instance_type`"),
    ] {
        let failure = failed(|_| {}, config);
        assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention), "{}", failure.reason);
        for part in ["RunInstances", code, advice] {
            let volume = part == "RunInstances" && failure.reason.contains("DescribeImages");
            assert!(volume || failure.reason.contains(part), "{part}: {}", failure.reason);
        }
    }
}

#[test]
fn capacity_limits_and_throttling_are_waited_for() {
    for (status, code) in [
        (500, "InsufficientInstanceCapacity"),
        (400, "SpotMaxPriceTooLow"),
        (400, "VcpuLimitExceeded"),
        (400, "MaxSpotInstanceCountExceeded"),
        (503, "RequestLimitExceeded"),
        (503, "Unavailable"),
    ] {
        let failure = failed(|proxy| proxy.fault("RunInstances", Fault::Refused(status, code, "Not now.")), json!({}));
        assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff), "{}", failure.reason);
        assert!(failure.reason.contains(code) && failure.reason.contains("Not now"), "{}", failure.reason);
    }
}

#[test]
fn a_refused_credential_is_named() {
    for (status, code) in [(401, "AuthFailure"), (403, "UnauthorizedOperation"), (403, "SignatureDoesNotMatch")] {
        let failure = failed(|proxy| proxy.fault("DescribeKeyPairs", Fault::Refused(status, code, "No.")), json!({}));
        assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention));
        assert!(failure.reason.contains("the credential cloud"), "{}", failure.reason);
    }
}

#[test]
fn a_limit_of_addresses_launches_nothing_in_vain() {
    let proxy = Proxy::start();
    proxy.fault("AllocateAddress", Fault::Refused(400, "AddressLimitExceeded", "Too many."));
    let b = blueprint(&proxy, json!({ "elastic_ip": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        let failure = kept.open(&b).expect_err("no address");
        assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff));
        assert_eq!((Existing::of(&proxy), asked(&proxy, "RunInstances")), (Existing::nothing(), 0));
        kept.open(&b).expect("opened");
    });
    assert_eq!(Existing::of(&proxy), Existing { instances: 1, addresses: 1, spot_requests: 0 });
}

/// What may come of any action at any time, and of the same action in a moment not.
fn passing() -> [Fault; 6] {
    [
        Fault::Refused(503, "RequestLimitExceeded", "Less."),
        Fault::Refused(500, "InternalError", "Hm."),
        Fault::Refused(400, "Throttling", "Less."),
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Other(502, "<html>Bad gateway</html>"),
    ]
}

#[test]
fn what_passes_costs_no_instance() {
    for (stage, action) in [
        ("start", "DescribeInstances"),
        ("address", "DescribeAddresses"),
        ("address", "AssociateAddress"),
        ("reach", "DescribeInstances"),
    ] {
        for fault in passing() {
            let proxy = Proxy::start();
            let b = blueprint(&proxy, json!({ "elastic_ip": true }));
            let kept = Kept::new(&b, "r-1");
            let mut world = World::new(&proxy);
            world.commands = vec![Err(Error::Unreachable("no route".to_owned()))];
            fake::with(world, || {
                kept.open_to(&b, stage);
                proxy.fault(action, fault);
                kept.open(&b).unwrap_or_else(|failure| panic!("{stage}, {action}: {}", failure.reason));
            });
            assert_eq!(proxy.state().faults.len(), 0, "{stage}, {action}: it was met");
            assert_eq!(asked(&proxy, "RunInstances"), 1);
            assert_eq!(Existing::of(&proxy), Existing { instances: 1, addresses: 1, spot_requests: 0 });
        }
    }
}

#[test]
fn a_launch_without_an_answer_is_repeated_and_not_for_ever() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    (0..4).for_each(|_| proxy.fault("RunInstances", Fault::CutBefore));
    let (_, answer) = fake::with(World::new(&proxy), || Kept::new(&b, "r-1").open(&b));
    assert_eq!(answer.expect_err("no answer").next, Next::BackOff);
    assert_eq!((asked(&proxy, "RunInstances"), Existing::of(&proxy)), (4, Existing::nothing()));
}

#[test]
fn a_token_that_brings_no_instance_is_given_up() {
    for (times, code, next) in
        [(31, "IdempotentParameterMismatch", Next::BackOff), (1, "IdempotentInstanceTerminated", Next::Gone)]
    {
        let failure = failed(
            |proxy| (0..times).for_each(|_| proxy.fault("RunInstances", Fault::Refused(400, code, "No."))),
            json!({}),
        );
        assert_eq!((failure.blame, failure.next), (Blame::Provider, next), "{}", failure.reason);
    }
}

#[test]
fn an_address_waits_for_an_instance_that_can_have_it() {
    for code in ["InvalidInstanceID", "InvalidInstanceID.NotFound", "IncorrectInstanceState"] {
        let proxy = Proxy::start();
        let b = blueprint(&proxy, json!({ "elastic_ip": true }));
        let (kept, over) = (Kept::new(&b, "r-1"), Kept::new(&b, "r-2"));
        fake::with(World::new(&proxy), || {
            kept.open_to(&b, "address");
            proxy.fault("AssociateAddress", Fault::Refused(400, code, "Not now."));
            kept.open(&b).expect("opened");
            // And not for one that never will.
            over.open_to(&b, "address");
            let id = over.saved()["found"]["instance"].as_str().expect("an instance").to_owned();
            proxy.moto("TerminateInstances", &format!("InstanceId.1={id}"));
            proxy.fault("AssociateAddress", Fault::Refused(400, code, "No."));
            assert_eq!(over.open(&b).expect_err("terminated").next, Next::Gone);
        });
    }
}

#[test]
fn a_key_that_is_none_for_ec2_is_named() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    for key in [Ok("ecdsa-sha2-nistp256 AAAA".to_owned()), Err("there is no credential instances".to_owned())] {
        let world = World { key, ..World::new(&proxy) };
        let (_, answer) = fake::with(world, || Kept::new(&b, "r-1").open(&b));
        let failure = answer.expect_err("no key");
        assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention));
        assert!(failure.reason.contains("SSH key"), "{}", failure.reason);
    }
}

#[test]
fn an_observation_that_does_not_see_everything_is_none() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    for action in ["DescribeInstances", "DescribeAddresses", "DescribeSpotInstanceRequests"] {
        proxy.fault(action, Fault::Refused(503, "RequestLimitExceeded", "Less."));
        let (_, seen) = fake::with(World::new(&proxy), || Ec2::observe(&fake::context("k"), &b));
        assert_eq!(seen.expect_err("it is not complete").next, Next::BackOff);
    }
}
