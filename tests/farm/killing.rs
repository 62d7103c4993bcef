//! A daemon that is killed in the middle of its work, over and over, while clients come and go.
//!
//! What counts most are kills between an acting call and its commit: the directory is made or removed, and the store
//! does not know. They are recognised by what is found after the kill, and more kills follow until there were enough.

use crate::house::House;
use crate::moments::{Killer, Trigger};
use crate::{ledger, visitor};
use std::time::Duration;
use tokio::task::JoinSet;

const HOSTS: usize = 10;
/// So many come at once, and as many again whenever they have all been served.
const WAVE: usize = 60;
/// At least so many kills.
const KILLS: usize = 20;
/// At least so many of them between an acting call and its commit.
const BETWEEN: usize = 8;
/// With more kills than this, something is wrong with the test.
const TOO_MANY: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_left_when_the_daemon_is_killed() {
    let mut house = House::with_hosts(HOSTS).await;
    let mut killer = Killer::default();
    let mut stays = Vec::new();
    let enough = |killer: &Killer| killer.kills >= KILLS && killer.between() >= BETWEEN;
    for wave in 0.. {
        let mut visitors = JoinSet::new();
        for number in 0..WAVE {
            let owner = format!("w{wave}-{number}");
            visitors.spawn(visitor::stay(house.client(), owner, Duration::from_millis(50)));
        }
        while !visitors.is_empty() {
            if !enough(&killer) {
                assert!(killer.kills < TOO_MANY, "{killer}");
                let trigger = match killer.kills % 5 {
                    0 | 2 => Trigger::Made,
                    1 | 3 => Trigger::Removed,
                    _ => Trigger::After(Duration::from_millis((killer.kills as u64 * 37) % 400)),
                };
                killer.kill(&mut house, trigger).await;
                house.start().await;
                while let Some(stay) = visitors.try_join_next() {
                    stays.push(stay.expect("a client was served"));
                }
            } else if let Some(stay) = visitors.join_next().await {
                stays.push(stay.expect("a client was served"));
            }
        }
        if enough(&killer) {
            break;
        }
    }
    println!("{killer}");
    ledger::settle(&house, &stays).await;
}
