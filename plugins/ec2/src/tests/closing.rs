//! `close`: nothing is left, whatever `open` had come to.

use super::proxy::{Fault, Proxy};
use super::world::{Existing, Kept, World, asked, blueprint};
use crate::Ec2;
use drydock_sdk::serde_json::json;
use drydock_sdk::{Next, Plugin, fake};

#[test]
fn all_that_was_made_is_removed_and_that_is_confirmed() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "spot": true, "elastic_ip": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        assert_eq!(Existing::of(&proxy), Existing { instances: 1, addresses: 1, spot_requests: 1 });
        proxy.state().ending = 3;
        let first = kept.call(&b, Ec2::close).expect("asked for");
        assert!(!first.is_done(), "what was asked for is not yet confirmed");
        for _ in 0..3 {
            assert!(!kept.call(&b, Ec2::close).expect("it goes on").is_done(), "it is shutting down");
        }
        kept.close(&b).expect("closed");
    });
    assert_eq!(Existing::of(&proxy), Existing::nothing());
    assert_eq!(asked(&proxy, "TerminateInstances"), 1);
}

#[test]
fn what_open_never_answered_for_is_found_although_it_is_not_visible_at_once() {
    let proxy = Proxy::start();
    proxy.fault("RunInstances", Fault::CutAfter);
    let b = blueprint(&proxy, json!({ "spot": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open_to_launch(&b, &proxy);
        assert_eq!(Existing::of(&proxy).instances, 1);
        proxy.state().hidden = 4;
        proxy.state().spot.0.clear();
        kept.close(&b).expect("closed");
    });
    assert_eq!(Existing::of(&proxy), Existing::nothing());
}

#[test]
fn what_lost_its_tags_is_known_by_its_id() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "elastic_ip": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        let found = kept.attributes().found;
        for id in [found.instance, found.allocation].into_iter().flatten() {
            proxy.moto("DeleteTags", &format!("ResourceId.1={id}&Tag.1.Key=drydock:resource"));
        }
        kept.close(&b).expect("closed");
    });
    assert_eq!(Existing::of(&proxy), Existing::nothing());
}

#[test]
fn where_nothing_was_launched_there_is_nothing_to_wait_for() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    fake::with(World::new(&proxy), || {
        assert!(Kept::new(&b, "r-1").call(&b, Ec2::close).expect("closed").is_done());
    });
}

#[test]
fn an_instance_that_was_terminated_by_others_is_closed_at_once() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        let id = kept.attributes().found.instance.expect("an instance");
        proxy.moto("TerminateInstances", &format!("InstanceId.1={id}"));
        assert!(kept.call(&b, Ec2::close).expect("closed").is_done());
    });
    assert_eq!(asked(&proxy, "TerminateInstances"), 0);
}

#[test]
fn what_cannot_be_released_does_not_keep_the_instance() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "elastic_ip": true, "spot": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        proxy.fault("CancelSpotInstanceRequests", Fault::Refused(403, "UnauthorizedOperation", "No."));
        let failure = kept.close(&b).expect_err("not allowed");
        assert_eq!(failure.next, Next::Attention);
        assert_eq!(Existing::of(&proxy).instances, 0);
        kept.close(&b).expect("closed, once it is allowed");
    });
    assert_eq!(Existing::of(&proxy), Existing::nothing());
}

#[test]
fn an_edited_configuration_does_not_hide_what_was_made() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "elastic_ip": true, "spot": true }));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open(&b).expect("opened");
        let edited = blueprint(
            &proxy,
            json!({ "region": "us-east-1", "endpoint": "http://127.0.0.1:9", "credential": "other" }),
        );
        kept.close(&edited).expect("closed where it is");
    });
    assert_eq!(Existing::of(&proxy), Existing::nothing());
}

#[test]
fn what_belongs_to_others_stays() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({ "elastic_ip": true, "spot": true }));
    let (one, other) = (Kept::new(&b, "r-1"), Kept::new(&b, "r-10"));
    fake::with(World::new(&proxy), || {
        one.open(&b).expect("opened");
        other.open(&b).expect("opened");
        one.close(&b).expect("closed");
    });
    assert_eq!(Existing::of(&proxy), Existing { instances: 1, addresses: 1, spot_requests: 1 });
}
