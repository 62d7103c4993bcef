//! What a look at a pool and the plan from it cost where many resources are, against few; and the memory at the end.

use super::Options;
use super::process;
use super::rows::{Bound, Row};
use super::statistics::median;
use super::store::{Yard, blueprint, kind};
use anyhow::Context;
use drydock_core::config::{Growth, Life};
use drydock_core::contract::Steps;
use drydock_core::model::protection::Protections;
use drydock_core::planner::answers::Answers;
use drydock_core::planner::terms::Terms;
use drydock_core::planner::{Planner, plan};
use drydock_core::store::Sought;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

const FEW: usize = 50;
const MANY: usize = 5_000;

/// What a hundred times as many resources may cost.
const MOST: f64 = 2.0;

const SAMPLES: usize = 200;

pub async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    if options.wants("look") {
        let many = if options.quick { MANY / 10 } else { MANY };
        eprintln!("look: pools of {FEW} and of {many} resources …");
        let few = look(&folder.join("few.db"), FEW).await?;
        let value = look(&folder.join("many.db"), many).await?;
        let name = format!("look and plan, {many} resources");
        rows.push(Row::new(name, value, "ms").against(few, Bound::AtMost(MOST)));
    }
    if options.wants("memory")
        && let Some((now, most)) = process::memory()
    {
        rows.push(Row::new("memory, at the end", now, "MB"));
        rows.push(Row::new("memory, at most", most, "MB"));
    }
    Ok(rows)
}

/// Milliseconds of one look at a pool of so many resources, in which one lease waits, with the plan that follows.
async fn look(path: &Path, resources: usize) -> anyhow::Result<f64> {
    let yard = Yard::crowded(path, resources).await?;
    let sought = Sought { growth: BTreeMap::from([(blueprint(0), (Growth::Pack, false))]), ..Sought::default() };
    let terms = BTreeMap::from([(blueprint(0), terms())]);
    let mut times = Vec::new();
    for _ in 0..SAMPLES {
        let start = Instant::now();
        let look = yard.store().look(&kind(0), &sought).await?;
        let look = look.context("the pool is missing")?;
        let planner = Planner {
            answers: &Answers::default(),
            terms: &terms,
            revision: 1,
            at: 0,
            protections: Protections::ALL,
            new_place: &mut || "p-place0000000".to_owned(),
        };
        let planned = plan(&look, planner);
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        anyhow::ensure!(!planned.questions.is_empty(), "the plan asks about no resource, so nothing was measured");
    }
    median(&times).context("nothing was measured")
}

fn terms() -> Terms {
    Terms {
        name: blueprint(0),
        space: blueprint(0),
        revision: 1,
        digest: "0".repeat(64),
        steps: Steps::NONE,
        max_resources: None,
        warm: None,
        leases_per_resource: 1,
        overflow: 0,
        max_building: None,
        life: Life::default(),
        reclaim_after: 10_000,
        growth: Growth::Pack,
        priority: 0,
        open_timeout: 600_000,
        disabled: false,
    }
}
