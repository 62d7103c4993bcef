//! A build farm in a box.

use crate::house::tool::Ran;
use crate::house::{DEADLINE, House, entries};
use crate::moto::Moto;
use crate::sshd::Sshd;
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Instant;
use toml::Table;

/// So many instances at most, and so many copies on each.
const INSTANCES: i64 = 5;
const COPIES: i64 = 4;

/// What must come to pass.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come to pass: {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The configuration of the README that is headed so.
fn example() -> Table {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    let section = readme.split("### A build farm in a box").nth(1).expect("the section");
    let block = section.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a configuration");
    block.parse().expect("TOML")
}

pub fn table<'a>(of: &'a mut Table, path: &[&str]) -> &'a mut Table {
    path.iter().fold(of, |table, key| table[*key].as_table_mut().expect("a table"))
}

fn text(value: impl ToString) -> toml::Value {
    toml::Value::String(value.to_string())
}

/// The same, with what is here in the place of AWS, of its machines, and of the repository.
fn configured(house: &House, moto: &Moto) -> Table {
    let mut config = example();
    let endpoint = format!("http://{}", moto.address);
    config.insert("store".to_owned(), text(house.store().display()));
    config.insert("socket".to_owned(), text(house.socket().display()));
    let aws = table(&mut config, &["credentials", "aws"]);
    aws.insert("hosts".to_owned(), toml::Value::Array(vec![text(&endpoint)]));
    for key in ["access_key", "secret_key"] {
        // Any will do: moto does not look at them here.
        let file = house.path(key);
        std::fs::write(&file, "tester").expect("a file");
        aws.remove(&format!("{key}_env"));
        aws.insert(format!("{key}_file"), text(file.display()));
    }
    table(&mut config, &["credentials", "builders"])
        .insert("private_key".to_owned(), text(house.sshd.private_key().display()));
    let blueprints = config["blueprint"].as_array_mut().expect("blueprints");
    let [cloud, copies] = &mut blueprints[..] else { panic!("two blueprints") };
    let cloud = cloud.as_table_mut().expect("a table");
    cloud.insert("max_resources".to_owned(), INSTANCES.into());
    cloud.insert("idle_timeout".to_owned(), 2.into());
    cloud.insert("observe_every".to_owned(), 5.into());
    let grants = cloud["grants"].as_array_mut().expect("grants");
    for grant in grants.iter_mut().filter(|grant| grant.as_str().is_some_and(|grant| grant.starts_with("http:"))) {
        *grant = text(format!("http:POST {endpoint} private"));
    }
    let of = table(cloud, &["config"]);
    of.insert("endpoint".to_owned(), text(&endpoint));
    of.insert("user".to_owned(), text(Sshd::user()));
    of.insert("port".to_owned(), i64::from(house.sshd.port).into());
    of.insert("path".to_owned(), text(house.path("builders").display()));
    of.insert("shares".to_owned(), COPIES.into());
    of.insert("elastic_ip".to_owned(), true.into());
    of.insert("private_ip".to_owned(), true.into());
    for key in ["subnet", "security_groups"] {
        of.remove(key);
    }
    let copies = copies.as_table_mut().expect("a table");
    copies.insert("idle_timeout".to_owned(), 2.into());
    let of = table(copies, &["config"]);
    of.insert("allow_local".to_owned(), true.into());
    of.insert("cache".to_owned(), text(house.path("cache").display()));
    let app = table(of, &["repositories", "app"]);
    app.remove("credential");
    app.remove("user");
    app.insert("url".to_owned(), text(house.path("remote").display()));
    config
}

fn git(folder: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "init.defaultBranch=main"]);
    git.args(args).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").stdout(Stdio::null());
    assert!(git.status().expect("git runs").success(), "git {args:?}");
}

/// A repository whose test says that it was run.
fn make_remote(house: &House) {
    let remote = house.path("remote");
    std::fs::create_dir(&remote).expect("a folder");
    std::fs::write(remote.join("Makefile"), "test:\n\t@echo tested in $$PWD\n").expect("a file");
    git(&remote, &["init", "--quiet"]);
    git(&remote, &["add", "Makefile"]);
    git(&remote, &["commit", "--quiet", "-m", "first"]);
}

async fn farm(moto: &Moto) -> House {
    farm_with(moto, |_| ()).await
}

/// The same, with a change to its configuration.
pub async fn farm_with(moto: &Moto, change: impl FnOnce(&mut Table)) -> House {
    let mut house = House::prepare(0);
    make_remote(&house);
    std::fs::create_dir(house.path("builders")).expect("a folder");
    let mut config = configured(&house, moto);
    change(&mut config);
    let config = toml::to_string(&config).expect("TOML");
    std::fs::write(house.path("drydock.toml"), config).expect("the configuration");
    house.start().await;
    house
}

/// Runs a job in a working copy of its own: `drydock with` a copy, in which a command runs on the copy's machine.
pub fn job(house: &House, on_the_copy: &str) -> Command {
    let script = format!("exec \"$0\" command \"$DRYDOCK_LEASE\" -- {on_the_copy}");
    house.drydock(&[
        "with",
        "--type",
        "working-copy",
        "-a",
        "branch=main",
        "--",
        "sh",
        "-c",
        &script,
        env!("CARGO_BIN_EXE_drydock"),
    ])
}

fn resources(house: &House) -> Vec<Value> {
    let listed = house.run(&["resources", "--json"]);
    assert_eq!(listed.code, Some(0), "{listed:#?}");
    let all: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    all["resources"].as_array().expect("a list").clone()
}

/// Nobody asks any more, and everything goes away by itself.
pub fn nothing_is_left(house: &House, moto: &Moto) {
    eventually("no resource is left", || resources(house).is_empty());
    eventually("no instance is left", || moto.instances() == 0);
    eventually("no address is left", || moto.addresses() == 0);
    assert_eq!(entries(&house.path("builders")), Vec::<std::path::PathBuf>::new());
    let leaks = house.run(&["leaks", "--json"]);
    let leaks: Value = serde_json::from_str(&leaks.stdout).expect("JSON");
    assert_eq!(leaks["leaks"].as_array().map(Vec::len), Some(0), "{leaks}");
    house.run(&["check"]).assert_printed(&["every rule holds"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_run_in_a_working_copy_on_a_machine_that_is_made_for_it() {
    let moto = Moto::start();
    let house = farm(&moto).await;
    let ran: Ran = job(&house, "make test").output().expect("it runs").into();
    ran.assert_printed(&["tested in ", "/app"]);
    assert_eq!(moto.launches.load(Ordering::SeqCst), 1);
    assert_eq!((moto.instances(), moto.addresses()), (1, 1), "it is kept for the next one, for a while");
    nothing_is_left(&house, &moto);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_jobs_at_once_get_as_many_machines_as_there_may_be() {
    let moto = Moto::start();
    let house = farm(&moto).await;
    let start = |_| -> Child {
        let mut job = job(&house, "make test");
        job.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let jobs: Vec<Child> = (0..50).map(start).collect();
    for job in jobs {
        let ran: Ran = job.wait_with_output().expect("it ends").into();
        ran.assert_printed(&["tested in "]);
    }
    assert_eq!(moto.launches.load(Ordering::SeqCst) as i64, INSTANCES, "as many as there may be, and no more");
    nothing_is_left(&house, &moto);
}
