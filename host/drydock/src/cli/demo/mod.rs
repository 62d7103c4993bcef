//! `demo`: a daemon, a few hosts on this machine, and many clients at once. It uses what everybody can use: the program
//! and its API.

mod story;
mod visitor;

use super::args::DemoArgs;
use super::house::{House, Plan};
use super::moment::now;
use super::output::{print, tell};
use super::signals::Signals;
use crate::api::types::Check;
use crate::exit::{self, Exit};
use futures::future::join_all;
use story::Story;

pub async fn demo(args: &DemoArgs) -> Result<u8, Exit> {
    let mut signals = Signals::catch()?;
    let plan = Plan { owner: "demo", parent: None, hosts: args.hosts, directories: true };
    let mut house = tokio::select! {
        house = House::open(plan) => house?,
        caught = signals.next() => return Err(Exit::new(caught.code(), "")),
    };
    let problems = tokio::select! {
        problems = show(&house, args) => problems,
        caught = signals.next() => {
            house.stop().await?;
            house.close()?;
            return Err(Exit::new(caught.code(), format!("{} came; the demo's daemon and folder are gone", caught.name())));
        }
    };
    // Whatever happened, the daemon is stopped and the folder removed.
    let mut problems = problems.unwrap_or_else(|exit| vec![exit.message]);
    problems.extend(house.stop().await.err().map(|exit| exit.message));
    match house.left() {
        Ok(left) => problems.extend(left.iter().map(|path| format!("{} is left", path.display()))),
        Err(exit) => problems.push(exit.message),
    }
    problems.extend(house.close().err().map(|exit| exit.message));
    for problem in problems.iter().filter(|problem| !problem.is_empty()) {
        problem.lines().for_each(tell);
    }
    Ok(if problems.is_empty() { exit::OK } else { exit::FAILURE })
}

/// The demo itself; what went wrong, in sentences.
async fn show(house: &House, args: &DemoArgs) -> Result<Vec<String>, Exit> {
    let DemoArgs { hosts, clients, seconds } = *args;
    print(&format!("{hosts} hosts, {clients} clients at once, each with a job of {seconds} s\n\n"))?;
    let start = now();
    let mut story = Story::new(house.client(), start);
    let visits =
        join_all((1..=clients).map(|number| async move {
            visitor::visit(house.client(), &format!("client-{number:02}"), seconds).await
        }));
    let visits = async {
        let results = visits.await;
        (results, now())
    };
    tokio::pin!(visits);
    let told = story.tell(clients as usize);
    tokio::pin!(told);
    // A client that failed may never have had a lease, so that the story would have no end.
    let (results, end) = tokio::select! {
        done = &mut visits => {
            if done.0.iter().all(Result::is_ok) {
                told.await?;
            }
            done
        }
        end = &mut told => {
            end?;
            visits.await
        }
    };
    let mut problems: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    let check: Check = house.client().get("/v1/check", &()).await?;
    print(&format!(
        "\ncheck: {}\n",
        if check.violations.is_empty() { "every rule holds" } else { "rules do not hold" }
    ))?;
    problems.extend(
        check.violations.into_iter().map(|v| format!("{} of {} does not hold: {}", v.rule, v.subject, v.detail)),
    );
    let left = house.left()?;
    print(&format!("folders: {hosts} hosts', {}\n", if left.is_empty() { "all empty" } else { "not all empty" }))?;
    let ideal = clients.div_ceil(hosts) * seconds;
    let took = end - start;
    if problems.is_empty() && left.is_empty() {
        print(&format!(
            "{clients} jobs of {seconds} s on {hosts} hosts took {} s; the ideal is {ideal} s. Nothing is left.\n",
            story::seconds(took)
        ))?;
    }
    Ok(problems)
}
