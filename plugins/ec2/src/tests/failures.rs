//! What EC2 refuses is told to the right person.

use super::proxy::{Fault, Proxy};
use super::world::{Existing, Kept, World, blueprint};
use crate::Ec2;
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
fn a_limit_of_addresses_keeps_the_instance_until_there_is_one() {
    let proxy = Proxy::start();
    proxy.fault("AllocateAddress", Fault::Refused(400, "AddressLimitExceeded", "Too many."));
    let b = blueprint(&proxy, json!({ "elastic_ip": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        let failure = kept.open(&b).expect_err("no address");
        assert_eq!((failure.blame, failure.next), (Blame::Provider, Next::BackOff));
        kept.open(&b).expect("opened");
    });
    assert_eq!(Existing::of(&proxy), Existing { instances: 1, addresses: 1, spot_requests: 0 });
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
