//! Which troubles were felt, and how they were told.

use super::lane::{Scene, Strike};
use super::schedule::Trouble;
use crate::house::House;
use crate::visitor::{FULL, Stay};
use std::collections::BTreeMap;

/// What the log of the daemon, or a client, is told of each.
fn told(trouble: Trouble) -> &'static [&'static str] {
    match trouble {
        Trouble::Down => &["Connection refused", "was lost", "was not started", "closed"],
        Trouble::OtherKey => &["another host key than the known one"],
        Trouble::HangsBefore | Trouble::HangsAfter => &["had not ended after", "gave no answer"],
        Trouble::FullDisk => &[FULL],
        Trouble::FullStore => &["disk is full"],
    }
}

/// Of each trouble some were felt, and told as what they are.
pub async fn felt(house: &House, strikes: &[Strike], stays: &[Stay], expected: &[Trouble], scenes: &[Scene]) {
    let client = house.client();
    let names: BTreeMap<String, String> =
        client.resources().await.resources.into_iter().map(|one| (one.id, one.name)).collect();
    let rack_of = |host: &str| {
        scenes.iter().find_map(|scene| match scene {
            Scene::Rack(rack) if rack.has(host) => Some(rack.name.as_str()),
            _ => None,
        })
    };
    let mut heard: Vec<(&str, i64, &str)> = Vec::new();
    let events = client.events().await;
    for event in &events {
        let rack = event.resource.as_ref().and_then(|id| names.get(id)).and_then(|host| rack_of(host));
        heard.extend(rack.map(|rack| (rack, event.at, event.reason.as_str())));
    }
    for stay in stays {
        let rack = stay.host().rsplit('/').next().and_then(rack_of).expect("a host of a rack");
        heard.extend(stay.met.iter().map(|met| (rack, met.at, met.what.as_str())));
    }
    let log = house.log();
    for trouble in expected {
        let (mut struck, mut felt) = (0, 0);
        for strike in strikes.iter().filter(|strike| strike.trouble == *trouble) {
            struck += 1;
            let is = |(rack, at, what): &&(&str, i64, &str)| {
                *rack == strike.scene
                    && (strike.from..=strike.to + 3_000).contains(at)
                    && told(*trouble).iter().any(|part| what.contains(part))
            };
            felt += usize::from(heard.iter().any(|one| is(&one)));
        }
        if *trouble == Trouble::FullStore {
            felt = log.matches(told(*trouble)[0]).count();
        }
        println!("{trouble}: {struck} times, felt {felt} times");
        assert!(felt > 0, "nobody has felt this: {trouble}");
    }
    let longest = stays.iter().map(|stay| stay.waited).max().unwrap_or_default();
    let mean = stays.iter().map(|stay| stay.waited).sum::<std::time::Duration>() / stays.len().max(1) as u32;
    println!("from asked to active: {mean:?} on average, {longest:?} at most");
}
