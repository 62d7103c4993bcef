//! A store on a disk that is full: nobody is left without a word, and nothing that was asked for is lost.

use crate::disk::Disk;
use crate::house::{House, wait_for};
use drydock::api::types::LeaseDetailView;
use drydock_core::model::status::LeaseStatus;
use std::fs::{self, File};
use std::process::{Child, Stdio};

const MEGABYTES: u64 = 16;

/// What was in the write-ahead log may be written over, so now and then a commit still finds room.
const TRIES: usize = 100;

fn ask(house: &House, said: &str) -> Child {
    let file = |name: &str| File::create(house.path(&format!("{said}.{name}"))).expect("a file");
    let mut command = house.drydock(&["lease", "--type", "host", "--owner", said]);
    command.stdout(file("out")).stderr(file("err")).stdin(Stdio::null());
    command.spawn().expect("the program can be started")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_the_store_is_full_is_told_and_served_later() {
    let mut house = House::prepare(1);
    let mut disk = match Disk::mount(&house.path("store"), MEGABYTES) {
        Ok(disk) => disk,
        Err(why) => return println!("NO DISK IS FULL HERE, since none can be mounted: {why}"),
    };
    house.start().await;
    let client = house.client();
    let mut waiting = None;
    for number in 0..TRIES {
        disk.fill();
        let name = format!("c{number}");
        let mut child = ask(&house, &name);
        let said = || fs::read_to_string(house.path(&format!("{name}.err"))).expect("what it says");
        let told = || said().contains("the daemon can't write its store");
        let mut ended = None;
        wait_for("it is told, or served", async || {
            ended = child.try_wait().expect("its state");
            ended.is_some() || told()
        })
        .await;
        match ended {
            Some(status) => {
                assert!(status.success(), "{}", said());
                let lease = fs::read_to_string(house.path(&format!("{name}.out"))).expect("its lease");
                house.run(&["release", lease.trim()]);
            }
            None => {
                waiting = Some((name.clone(), child));
                break;
            }
        }
    }
    let (name, mut child) = waiting.expect("a commit that finds no room");
    house.run(&["status"]).assert_printed(&["takes nothing at the moment"]);
    disk.free();
    wait_for("it is served", async || child.try_wait().expect("its state").is_some_and(|status| status.success()))
        .await;
    assert!(!house.run(&["status"]).stdout.contains("takes nothing"), "there is room again");
    let lease = fs::read_to_string(house.path(&format!("{name}.out"))).expect("its lease");
    client.until(lease.trim(), "it is active", |lease| lease.lease.status == LeaseStatus::Active).await;
    house.run(&["release", lease.trim()]);
    let gone = |lease: &LeaseDetailView| lease.lease.status == LeaseStatus::Destroyed;
    client.until(lease.trim(), "it is gone", gone).await;
    client.assert_sound().await;
}
