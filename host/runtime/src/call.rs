//! The data of one store: all that one call of a guest has, and all that is left of it afterwards.

use crate::commands::Runner;
use crate::http::Gate;
use crate::limits::Limits;
use crate::view::Viewer;
use drydock_core::contract::Permission;
use drydock_core::plugin::{Nested, Step};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Which function of the contract is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Describe,
    Consider,
    Allocate,
    Acquire,
    Act(Step),
    Check,
    Observe,
    Remove,
}

impl Function {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Function::Describe => "describe",
            Function::Consider => "consider",
            Function::Allocate => "allocate",
            Function::Acquire => "acquire",
            Function::Act(step) => step.name(),
            Function::Check => "check",
            Function::Observe => "observe",
            Function::Remove => "remove",
        }
    }

    pub(crate) fn acts(self) -> bool {
        matches!(self, Function::Act(_) | Function::Check | Function::Observe | Function::Remove)
    }

    pub(crate) fn compute(self, limits: &Limits) -> Duration {
        if self.acts() { limits.acting_compute } else { limits.deciding_compute }
    }
}

/// The data of one store.
pub(crate) struct Call {
    pub(crate) function: Function,
    /// Of Drydock itself.
    pub(crate) installation: String,
    pub(crate) blueprint: String,
    pub(crate) rights: Rights,
    /// When the call is cut off.
    pub(crate) deadline: Instant,
    pub(crate) view: Option<Viewer>,
    pub(crate) runner: Arc<Runner>,
    /// What the resource of an acting step has leased for itself.
    pub(crate) leases: Option<Arc<dyn Nested>>,
    /// Messages that `log` was given.
    pub(crate) logged: u32,
    pub(crate) memory: Memory,
    pub(crate) wasi: WasiCtx,
    pub(crate) http: WasiHttpCtx,
    pub(crate) gate: Gate,
    pub(crate) table: ResourceTable,
}

impl Call {
    pub(crate) fn asker(&self) -> Asker {
        Asker { function: self.function, blueprint: self.blueprint.clone(), rights: self.rights.clone() }
    }
}

impl WasiView for Call {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Call {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.gate }
    }
}

/// Both sides of what a plugin may do: what it asks for, and what the operator grants.
#[derive(Clone, Default)]
pub(crate) struct Rights {
    pub(crate) plugin: String,
    pub(crate) asks: Arc<[Permission]>,
    /// Such as `commands:local`.
    pub(crate) grants: Vec<String>,
}

impl Rights {
    /// The grants as they would be with one more, as they are written in the configuration.
    pub(crate) fn with_grant(&self, grant: &str) -> String {
        let grants = self.grants.iter().map(String::as_str).chain([grant]);
        grants.map(|grant| format!("\"{grant}\"")).collect::<Vec<_>>().join(", ")
    }
}

/// Who wants something, for what has to be decided apart from the call itself.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) function: Function,
    pub(crate) blueprint: String,
    pub(crate) rights: Rights,
}

/// The limits on what wasm itself allocates in one call. Growing a memory too far is a trap, and not a failed
/// allocation that the guest could handle: what it would do next is anybody's guess.
pub(crate) struct Memory {
    limit: usize,
    others: StoreLimits,
}

/// Elements of one table. Plugins with an interpreter inside have some thousands.
const TABLE_ELEMENTS: usize = 20_000;

#[derive(Debug, thiserror::Error)]
#[error("it needed more than {} MiB of memory", limit >> 20)]
pub(crate) struct OutOfMemory {
    limit: usize,
}

impl Memory {
    pub(crate) fn new(limit: usize) -> Memory {
        let others = StoreLimitsBuilder::new().table_elements(TABLE_ELEMENTS).instances(64).memories(8).tables(32);
        Memory { limit, others: others.build() }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.limit { Err(OutOfMemory { limit: self.limit }.into()) } else { Ok(true) }
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.others.table_growing(current, desired, maximum)
    }

    fn instances(&self) -> usize {
        self.others.instances()
    }

    fn tables(&self) -> usize {
        self.others.tables()
    }

    fn memories(&self) -> usize {
        self.others.memories()
    }
}
