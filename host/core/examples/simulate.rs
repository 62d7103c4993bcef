use drydock_core::sim::{Bench, scenarios};
use std::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let only = args.get(1).cloned().unwrap_or_default();
    let seeds: u64 = args.get(2).and_then(|s| s.parse().ok()).unwrap_or(50);
    let mode = args.get(3).cloned().unwrap_or_default();
    let mut bench = Bench::sqlite().await.unwrap();
    for scenario in scenarios::all() {
        if !only.is_empty() && only != "all" && scenario.name != only {
            continue;
        }
        let variants: Vec<Vec<_>> = if mode == "naive" {
            scenario.naive.iter().map(|v| v.to_vec()).collect()
        } else if mode == "alone" {
            scenario.naive.iter().filter(|v| v.len() > 1).flat_map(|v| v.iter().map(|p| vec![*p])).collect()
        } else {
            vec![vec![]]
        };
        for off in variants {
            let start = Instant::now();
            let mut failed = None;
            let mut steps = 0;
            let mut marks = std::collections::BTreeMap::new();
            let mut ran = 0;
            let mut last = Vec::new();
            for seed in 0..seeds {
                let report = bench.run(&scenario, seed, &off).await.unwrap();
                ran += 1;
                steps += report.steps;
                last = report.trace.clone();
                for (m, c) in &report.marks {
                    *marks.entry(*m).or_insert(0) += c;
                }
                if report.failure.is_some() {
                    failed = Some(report);
                    break;
                }
            }
            let ms = start.elapsed().as_secs_f64() * 1000.0 / ran as f64;
            let off: Vec<_> = off.iter().map(|p| p.name()).collect();
            if std::env::var("TRACE").is_ok() {
                for line in &last {
                    println!("    {line}");
                }
            }
            match failed {
                None => {
                    println!("{:22} {off:?} {ran} clean, {ms:.1} ms, {} steps, {marks:?}", scenario.name, steps / ran)
                }
                Some(r) => {
                    println!("{:22} {off:?} seed {} FAILS: {}", scenario.name, r.seed, r.failure.clone().unwrap());
                    if mode != "naive" || std::env::var("TRACE").is_ok() {
                        for line in &r.trace {
                            println!("    {line}");
                        }
                        if only == "all" || only.is_empty() {
                            continue;
                        }
                        return;
                    }
                }
            }
        }
    }
}
