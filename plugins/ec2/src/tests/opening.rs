//! `open`: one instance, that answers, with all that was configured.

use super::proxy::{Fault, Proxy, between};
use super::world::{Existing, IMAGE, KEY, Kept, World, asked, blueprint};
use crate::Ec2;
use drydock_sdk::commands::Error;
use drydock_sdk::serde_json::{Value, json};
use drydock_sdk::{Access, Blame, Failure, Next, Plugin, fake};
use std::time::Duration;

fn opened(more: Value) -> (World, Kept, Result<(), Failure>) {
    let proxy = Proxy::start();
    opened_in(World::new(&proxy), more)
}

fn opened_in(world: World, more: Value) -> (World, Kept, Result<(), Failure>) {
    let b = blueprint(&world.proxy, more);
    let kept = Kept::new(&b, "r-1");
    let (world, answer) = fake::with(world, || kept.open(&b));
    (world, kept, answer)
}

#[test]
fn an_instance_is_launched_and_reached() {
    let proxy = Proxy::start();
    proxy.state().starting = 3;
    let mut world = World::new(&proxy);
    let why = || "no route".to_owned();
    world.commands =
        vec![Err(Error::Unreachable(why())), Err(Error::Refused(why())), Err(Error::TimedOut(why())), Ok(255)];
    let (world, kept, answer) =
        opened_in(world, json!({ "path": "/srv/leases", "port": 2222, "tags": { "team": "a&b <c>" } }));
    answer.expect("opened");
    let attributes = kept.attributes();
    let address = attributes.found.address.expect("an address");
    assert_eq!(attributes.found.public_address.as_deref(), Some(address.as_str()), "the public one comes first");
    assert_eq!(world.ran[0], format!("admin@{address}:2222 true"));
    assert_eq!(world.ran.len(), 6, "{:?}", world.ran);
    assert!(world.ran[5].contains("mkdir -p") && world.ran[5].ends_with("/srv/leases"), "{:?}", world.ran);
    assert_eq!(Existing::of(&proxy), Existing { instances: 1, ..Existing::nothing() });
    assert!(proxy.state().signed.iter().all(|name| name == "cloud"));

    let seen = proxy.moto("DescribeInstances", "");
    assert_eq!(between(&seen, "imageId"), [IMAGE]);
    assert_eq!(between(&seen, "instanceType"), ["t3.micro"]);
    for (key, value) in [
        ("drydock:installation", "test-installation"),
        ("drydock:blueprint", "test"),
        ("drydock:resource", "r-1"),
        ("Name", "r-1"),
        ("team", "a&amp;b &lt;c&gt;"),
    ] {
        let tag = |item: &&str| {
            item.contains(&format!("<key>{key}</key>")) && item.contains(&format!("<value>{value}</value>"))
        };
        assert!(between(&seen, "item").iter().any(tag), "{key} is not in {seen}");
    }
}

#[test]
fn the_key_pair_is_imported_once_and_has_the_public_half() {
    let (world, _, answer) = opened(json!({}));
    answer.expect("opened");
    let (world, _, answer) = opened_in(world, json!({}));
    answer.expect("opened again");
    assert_eq!(asked(&world.proxy, "ImportKeyPair"), 1);
    let pairs = world.proxy.moto("DescribeKeyPairs", "IncludePublicKey=true");
    assert_eq!(between(&pairs, "publicKey"), [KEY]);
    let name = between(&pairs, "keyName")[0].to_owned();
    assert!(name.starts_with("drydock-test-installation-"), "{name}");
    assert_eq!(between(&world.proxy.moto("DescribeInstances", ""), "keyName"), [name.as_str()]);
}

#[test]
fn a_key_pair_with_another_key_is_not_used() {
    let (world, _, answer) = opened(json!({}));
    answer.expect("opened");
    let name = between(&world.proxy.moto("DescribeKeyPairs", ""), "keyName")[0].to_owned();
    world.proxy.moto("DeleteKeyPair", &format!("KeyName={name}"));
    world.proxy.moto("CreateKeyPair", &format!("KeyName={name}&KeyType=ed25519"));
    let b = blueprint(&world.proxy, json!({}));
    let (world, answer) = fake::with(world, || Kept::new(&b, "r-2").open(&b));
    let failure = answer.expect_err("another key");
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention));
    assert!(failure.reason.contains("another key than its name says"), "{}", failure.reason);
    assert_eq!(Existing::of(&world.proxy).instances, 1);
}

#[test]
fn a_key_pair_that_somebody_removes_is_imported_again() {
    let proxy = Proxy::start();
    let b = blueprint(&proxy, json!({}));
    let kept = Kept::new(&b, "r-1");
    let (world, _) = fake::with(World::new(&proxy), || kept.call(&b, Ec2::open).expect("imported"));
    let name = between(&proxy.moto("DescribeKeyPairs", ""), "keyName")[0].to_owned();
    proxy.moto("DeleteKeyPair", &format!("KeyName={name}"));
    fake::with(world, || kept.open(&b).expect("opened"));
    assert_eq!(asked(&proxy, "ImportKeyPair"), 2);
}

#[test]
fn a_spot_instance_has_a_request_that_bears_the_tags() {
    let (world, kept, answer) = opened(json!({ "spot": { "max_price": "0.05" } }));
    answer.expect("opened");
    assert!(kept.attributes().spot);
    assert_eq!(Existing::of(&world.proxy), Existing { instances: 1, spot_requests: 1, ..Existing::nothing() });
    assert!(world.proxy.moto("DescribeInstances", "").contains("<instanceLifecycle>spot</instanceLifecycle>"));
}

#[test]
fn an_elastic_ip_is_what_it_is_reached_by() {
    let (world, kept, answer) = opened(json!({ "elastic_ip": true }));
    answer.expect("opened");
    let seen = world.proxy.moto("DescribeAddresses", "");
    assert_eq!(between(&seen, "publicIp"), [kept.attributes().found.address.expect("an address").as_str()]);
    assert_eq!(between(&seen, "instanceId"), [kept.attributes().found.instance.expect("an instance").as_str()]);
}

#[test]
fn the_private_address_is_used_where_that_is_configured() {
    let (_, kept, answer) = opened(json!({ "elastic_ip": true, "private_ip": true }));
    answer.expect("opened");
    let found = kept.attributes().found;
    assert_eq!(found.address, found.private_address);
    assert!(found.public_address.is_some() && found.public_address != found.private_address);
}

#[test]
fn subnet_groups_volume_and_user_data_are_those_of_the_configuration() {
    let proxy = Proxy::start();
    let subnet = between(&proxy.moto("DescribeSubnets", ""), "subnetId")[0].to_owned();
    let group = between(&proxy.moto("DescribeSecurityGroups", ""), "groupId")[0].to_owned();
    let config = json!({
        "subnet": subnet, "security_groups": [group], "volume_gb": 99, "volume_type": "gp3", "user_data": "#!/bin/sh\n",
    });
    let (world, kept, answer) = opened_in(World::new(&proxy), config);
    answer.expect("opened");
    let seen = proxy.moto("DescribeInstances", "");
    assert!(between(&seen, "subnetId").contains(&subnet.as_str()), "{seen}");
    assert!(between(&seen, "groupId").contains(&group.as_str()), "{seen}");
    let volumes = proxy.moto("DescribeVolumes", "");
    assert_eq!((between(&volumes, "size"), between(&volumes, "volumeType")), (vec!["99"], vec!["gp3"]));
    assert!(volumes.contains("drydock:resource"), "volumes bear the tags, too: {volumes}");
    let id = kept.attributes().found.instance.expect("an instance");
    let data = proxy.moto("DescribeInstanceAttribute", &format!("InstanceId={id}&Attribute=userData"));
    assert!(data.contains("IyEvYmluL3NoCg=="), "{data}");
    drop(world);
}

#[test]
fn a_second_instance_of_a_launch_without_a_token_is_terminated() {
    let proxy = Proxy::start();
    proxy.state().no_tokens = true;
    // The first launch's answer is lost, and its instance is not visible when it is looked for.
    proxy.fault("RunInstances", Fault::CutAfter);
    let b = blueprint(&proxy, json!({}));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open_to_launch(&b, &proxy);
        proxy.state().hidden = 1;
        kept.open(&b).expect("opened");
    });
    assert_eq!(asked(&proxy, "RunInstances"), 2);
    assert_eq!(Existing::of(&proxy), Existing { instances: 1, ..Existing::nothing() });
}

#[test]
fn a_second_elastic_ip_is_released() {
    let proxy = Proxy::start();
    proxy.moto(
        "AllocateAddress",
        "Domain=vpc&TagSpecification.1.ResourceType=elastic-ip&TagSpecification.1.Tag.1.Key=drydock:installation\
         &TagSpecification.1.Tag.1.Value=test-installation&TagSpecification.1.Tag.2.Key=drydock:resource\
         &TagSpecification.1.Tag.2.Value=r-1",
    );
    // As if it had become visible only after another one was allocated.
    let b = blueprint(&proxy, json!({ "elastic_ip": true }));
    let kept = Kept::new(&b, "r-1");
    let tags = crate::tags::of_resource(&b, &kept.resource());
    fake::with(World::new(&proxy), || {
        let on = kept.resource();
        crate::addresses::allocate(&crate::api::Api::of(&on), &tags).expect("allocated");
        drop(on);
        kept.open(&b).expect("opened");
    });
    assert_eq!(Existing::of(&proxy), Existing { instances: 1, addresses: 1, spot_requests: 0 });
}

#[test]
fn a_launch_under_an_older_configuration_is_found_and_not_repeated() {
    let proxy = Proxy::start();
    proxy.fault("RunInstances", Fault::CutAfter);
    let b = blueprint(&proxy, json!({}));
    let kept = Kept::new(&b, "r-1");
    fake::with(World::new(&proxy), || {
        kept.open_to_launch(&b, &proxy);
        let edited = blueprint(&proxy, json!({ "tags": { "team": "other" } }));
        proxy.state().hidden = 2;
        let waits = kept.call(&edited, Ec2::open).expect("not visible yet");
        assert!(!waits.is_done());
        kept.open(&edited).expect("opened");
    });
    assert_eq!(Existing::of(&proxy), Existing { instances: 1, ..Existing::nothing() });
}

#[test]
fn an_answer_that_comes_late_is_an_answer() {
    let proxy = Proxy::start();
    proxy.fault("RunInstances", Fault::Late(Duration::from_millis(50)));
    let (_, _, answer) = opened_in(World::new(&proxy), json!({}));
    answer.expect("opened");
    assert_eq!(Existing::of(&proxy).instances, 1);
}

#[test]
fn an_instance_that_ends_before_it_is_reached_is_gone() {
    let proxy = Proxy::start();
    let mut world = World::new(&proxy);
    world.commands = vec![Err(Error::Unreachable("no route".to_owned()))];
    let b = blueprint(&proxy, json!({}));
    let kept = Kept::new(&b, "r-1");
    fake::with(world, || {
        while kept.attributes().found.instance.is_none()
            && !kept.resource().state.as_deref().unwrap_or("").contains("reach")
        {
            kept.call(&b, Ec2::open).expect("on its way");
        }
        let id = between(&proxy.moto("DescribeInstances", ""), "instanceId")[0].to_owned();
        proxy.moto("TerminateInstances", &format!("InstanceId.1={id}"));
        let failure = kept.open(&b).expect_err("terminated");
        assert_eq!(failure.next, Next::Gone);
        assert!(failure.reason.contains(&id), "{}", failure.reason);
        // Another try finds the same, and launches no other under the same token.
        kept.forget(&b);
        assert_eq!(kept.open(&b).expect_err("still").next, Next::Gone);
    });
    assert_eq!(Existing::of(&proxy), Existing::nothing());
}

#[test]
fn a_key_that_stays_refused_needs_an_operator() {
    let proxy = Proxy::start();
    let mut world = World::new(&proxy);
    world.commands = (0..50).map(|_| Err(Error::Refused("Permission denied".to_owned()))).collect();
    let (world, _, answer) = opened_in(world, json!({}));
    let failure = answer.expect_err("refused");
    assert_eq!((failure.blame, failure.next), (Blame::Operator, Next::Attention));
    assert!(failure.reason.contains("does not let admin in with the key instances"), "{}", failure.reason);
    assert!(world.ran.len() > 5, "an instance may get its key late");
}

#[test]
fn each_lease_gets_a_directory_or_nothing_has_to_be_done_for_it() {
    let (world, kept, answer) = opened(json!({ "path": "/srv/leases" }));
    answer.expect("opened");
    let b = blueprint(&world.proxy, json!({ "path": "/srv/leases" }));
    let stay = fake::place("p-1", json!({}));
    let (world, ()) = fake::with(world, || {
        let on = kept.resource();
        let ready = Ec2::acquire(&b, &on, &fake::request(json!({}), Default::default())).expect("accepted").ready;
        assert!(ready.is_none());
        let progress = Ec2::activate(&fake::context("k"), &b, &on, &stay).expect("activated");
        let handout = progress.handout().expect("a handout");
        assert_eq!(handout.directory.as_deref(), Some("/srv/leases/p-1"));
        let Access::Ssh(ssh) = &handout.access else { panic!("{:?}", handout.access) };
        assert_eq!((ssh.user.as_str(), ssh.credential.as_str()), ("admin", "instances"));
        assert!(Ec2::release(&fake::context("k"), &b, &on, &stay).expect("released").is_done());
    });
    let last = world.ran.last().expect("a command");
    assert!(last.contains("rm -rf") && last.ends_with("/srv/leases/p-1"), "{last}");

    let (_, kept, answer) = opened(json!({}));
    answer.expect("opened");
    let ready =
        Ec2::acquire(&b, &kept.resource(), &fake::request(json!({}), Default::default())).expect("accepted").ready;
    assert!(ready.is_some_and(|handout| handout.directory.is_none()));
}
