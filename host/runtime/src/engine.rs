//! The one place where wasmtime's engine is configured.

use crate::limits::{ACTING_CALLS_MAX, DECIDING_CALLS_MAX, MEMORY_MAX};
use std::time::Duration;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest is interrupted, to let other tasks go on and to look at its limits.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Core instances, memories and tables of one component. A component built from Rust has 4 core instances and 1 memory;
/// those with an interpreter inside have a few more.
const CORE_INSTANCES_PER_COMPONENT: u32 = 32;
const MEMORIES_PER_COMPONENT: u32 = 4;
const TABLES_PER_COMPONENT: u32 = 8;

/// Instances that can live at once. The gate before every call keeps below it.
const INSTANCES: u32 = (DECIDING_CALLS_MAX + ACTING_CALLS_MAX) as u32;

/// Bytes of a memory and of a table that stay in use for the next call, emptied: what is given back to the system has to be
/// had again, a page at a time, which takes longer than the rest of a short call. Most calls touch less.
const KEPT_OF_MEMORY: usize = 256 * 1024;
const KEPT_OF_TABLE: usize = 16 * 1024;

/// Makes the engine and starts its ticker, which ends with the engine's last user.
pub(crate) fn new_engine() -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 6)
        .total_memories(INSTANCES * 2)
        .total_tables(INSTANCES * 4)
        .total_stacks(INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memory_size(MEMORY_MAX)
        .linear_memory_keep_resident(KEPT_OF_MEMORY)
        .table_keep_resident(KEPT_OF_TABLE)
        .pagemap_scan(Enabled::Auto);

    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // The contract's functions are synchronous: what a guest needs for concurrency is not set up.
        .concurrency_support(false)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));

    let engine = Engine::new(&config)?;
    start_ticker(&engine)?;
    Ok(engine)
}

/// A thread of its own, since a task of the async runtime would not run while guests keep its threads busy.
fn start_ticker(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("drydock-epoch".into()).spawn(move || {
        loop {
            std::thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => break,
            }
        }
    })?;
    Ok(())
}
