//! The cloud is not there for half a minute, in the middle of many jobs.

use crate::boxed::{eventually, farm_with, job, nothing_is_left, table};
use crate::house::tool::Ran;
use crate::house::{House, ended, entries};
use crate::moto::{Moto, Outage};
use serde_json::Value;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use toml::Table;

/// Jobs that come while the cloud is not there; there may be so many instances, with one copy on each.
const JOBS: usize = 20;
const INSTANCES: i64 = 4;

/// The ways in which it is not there, one after the other, each for six seconds.
const OUTAGE: [Outage; 5] = [Outage::Swallows, Outage::Hangs, Outage::Overloaded, Outage::Resets, Outage::Refuses];
const EACH: Duration = Duration::from_secs(6);

/// What is said of a request to it in one of these ways.
const IN_VAIN: [&str; 3] = ["can't be reached", "gave no answer", "with Unavailable (503): The server is overloaded"];

fn few_machines(config: &mut Table) {
    let cloud = config["blueprint"][0].as_table_mut().expect("a table");
    cloud.insert("max_resources".to_owned(), INSTANCES.into());
    table(cloud, &["config"]).insert("shares".to_owned(), 1.into());
}

fn json(house: &House, arguments: &[&str]) -> Value {
    let ran = house.run(arguments);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// Leases of jobs that have no copy yet.
fn waiting(house: &House) -> Vec<String> {
    let all = json(house, &["leases", "--json"]);
    let of_jobs = all["leases"].as_array().expect("a list").iter().filter(|lease| lease["type"] == "working-copy");
    let waiting = of_jobs.filter(|lease| lease["status"] == "pending" || lease["status"] == "acquired");
    waiting.filter_map(|lease| Some(lease["id"].as_str()?.to_owned())).collect()
}

/// Starts a job that says that it runs, by a file in `started`, and is done when there is a file of this name.
fn start(house: &House, until: &str) -> Child {
    let (started, until) = (house.path("started"), house.path(until));
    let (started, until) = (started.display(), until.display());
    let script = format!("sh -c ': > {started}/$$; while [ ! -e {until} ]; do sleep 0.1; done; make test'");
    job(house, &script).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

fn end(mut job: Child) {
    ended(&mut job, "a job ends");
    let ran: Ran = job.wait_with_output().expect("it ends").into();
    ran.assert_printed(&["tested in "]);
}

/// Whoever looks is told what is wrong: of each job that waits on the first line, of the blueprint, and of what can't be
/// closed.
fn assert_told(house: &House) {
    let told = |arguments: &[&str], of: &str, most: usize| {
        let said = house.run(arguments).stdout;
        let lines: Vec<&str> = said.lines().filter(|line| line.contains(of)).take(most).collect();
        !lines.is_empty() && lines.iter().all(|line| IN_VAIN.iter().any(|part| line.contains(part)))
    };
    for lease in waiting(house) {
        eventually("`why` says what is wrong", || told(&["why", &lease], "", 1));
        let unseen = || told(&["why", &lease], "what is outside can't be seen", 1);
        eventually("`why` says that nobody knows what there is", unseen);
    }
    eventually("`blueprints` says what is wrong", || told(&["blueprints"], "builders", 1));
    eventually("`resources` says what is wrong", || told(&["resources"], " released ", usize::MAX));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_while_the_cloud_is_not_there_is_served_when_it_is_back() {
    let moto = Moto::start();
    let house = farm_with(&moto, few_machines).await;
    let let_go = |name: &str| std::fs::write(house.path(name), "").expect("a file");
    let running = || entries(&house.path("started")).len();
    std::fs::create_dir(house.path("started")).expect("a folder");
    let (kept, short) = ([start(&house, "kept"), start(&house, "kept")], start(&house, "short"));
    eventually("three jobs run", || running() == 3);

    moto.set_out(Some(OUTAGE[0]));
    let_go("short");
    end(short);
    let closing = || json(&house, &["resources", "--json"])["resources"].to_string().contains("\"released\"");
    eventually("a machine is being closed", closing);
    let jobs: Vec<Child> = (0..JOBS).map(|_| start(&house, "all")).collect();
    eventually("all of them wait", || waiting(&house).len() == JOBS);
    for how in OUTAGE {
        moto.set_out(Some(how));
        let began = Instant::now();
        // Of those that were refused nobody knows.
        eventually("somebody meets the outage", || how == Outage::Refuses || moto.met() > 0);
        assert_told(&house);
        std::thread::sleep(EACH.saturating_sub(began.elapsed()));
    }
    // What there is serves on: two come where the first two have been.
    let_go("kept");
    kept.into_iter().for_each(end);
    eventually("two more jobs run", || running() == 5);
    assert_eq!(waiting(&house).len(), JOBS - 2);
    assert_told(&house);
    moto.set_out(None);

    let_go("all");
    jobs.into_iter().for_each(end);
    nothing_is_left(&house, &moto);
}
