//! The engine in this process, with the plugin that the program brings and hosts on which nothing has to be set up: what
//! it does can be counted.

use crate::cli::house::{Plan, configuration};
use crate::config::{Config, Document};
use crate::server::{node, plugins};
use anyhow::{Context, bail};
use drydock_core::contract::Request;
use drydock_core::engine::api::Ask;
use drydock_core::engine::{Left, Node};
use drydock_core::env::Real;
use drydock_core::model::status::LeaseStatus;
use drydock_core::store::Counted;
use drydock_runtime::commands::Runner;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Nothing that is waited for takes so long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long nothing must have been counted before the engine counts as settled.
const SETTLED: Duration = Duration::from_millis(10);

pub struct Engine {
    env: Arc<Real>,
    node: Arc<Node>,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    pub store: Counted,
    /// Of plugins.
    pub calls: u64,
}

impl Engine {
    /// Where the store of an engine in this folder is.
    pub fn store(folder: &Path) -> PathBuf {
        folder.join("store.sqlite")
    }

    /// Starts it in a folder, on the store that is there, or on a new one.
    pub async fn open(folder: &Path, hosts: u32) -> anyhow::Result<Engine> {
        let plan = Plan { owner: "bench", parent: None, hosts, directories: false };
        let document = Document::new(&folder.join("drydock.toml"), configuration(folder, plan)?);
        let config = Config::parse(document)?;
        let loader = plugins::loader(&config, Runner::new(config.credentials.clone()))?;
        let env = Real::new();
        let node = node::start(&config, &loader, Arc::clone(&env)).await?;
        Ok(Engine { env, node })
    }

    /// Stops it and lets go of its store.
    pub async fn close(self) -> anyhow::Result<()> {
        let mut store = Arc::clone(self.node.store());
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        self.node.stop(i64::try_from(now)?).await;
        self.env.end();
        drop(self);
        // Whoever drops it last lets go of its lock. That has to be done when this returns, so it is done here.
        let gone = async {
            loop {
                match Arc::try_unwrap(store) {
                    Ok(store) => return drop(store),
                    Err(shared) => store = shared,
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.context("the engine does not let go of its store")
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub fn tally(&self) -> Tally {
        Tally { store: self.node.store().counts().now(), calls: self.node.calls() }
    }

    /// Waits until it has nothing more to do.
    pub async fn settle(&self) {
        let mut before = self.tally();
        loop {
            tokio::time::sleep(SETTLED).await;
            let now = self.tally();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// Asks for a host: any, or the one with this number. The answer is the lease's id.
    pub async fn ask(&self, host: Option<u32>) -> anyhow::Result<String> {
        let attributes = host.map_or_else(|| "{}".to_owned(), |number| format!(r#"{{"host":"host-{number}"}}"#));
        let request = Request { kind: "host".to_owned(), attributes, ..Request::default() };
        Ok(self.node.ask(Ask { request, owner: "bench".to_owned(), ..Ask::default() }).await?.id)
    }

    pub async fn end(&self, lease: &str) -> anyhow::Result<()> {
        let ended = self.node.end(lease, "released", "its holder let it go").await?;
        match ended.status {
            LeaseStatus::Destroyed => Ok(()),
            other => bail!("lease {lease} is {} after it was let go of, and should be gone", other.name()),
        }
    }

    /// What every commit from now on leaves.
    pub fn listen(&self) -> Receiver<Left> {
        self.node.listen()
    }

    /// The lease that becomes active first, by what was left.
    pub async fn next_active(&self, left: &mut Receiver<Left>) -> anyhow::Result<String> {
        let heard = async {
            loop {
                match left.recv().await {
                    Ok(left) => {
                        let mut leases = left.touched.leases.iter();
                        if let Some(lease) = leases.find(|lease| lease.status == LeaseStatus::Active) {
                            return Ok(lease.id.clone());
                        }
                    }
                    Err(RecvError::Lagged(_)) => bail!("the engine did more than could be followed"),
                    Err(RecvError::Closed) => bail!("the engine has stopped"),
                }
            }
        };
        let patience = || format!("no lease was active within {} seconds", PATIENCE.as_secs());
        tokio::time::timeout(PATIENCE, heard).await.with_context(patience)?
    }
}

impl std::ops::Sub for Tally {
    type Output = Tally;

    fn sub(self, before: Tally) -> Tally {
        Tally { store: self.store - before.store, calls: self.calls - before.calls }
    }
}
