//! The contract as wasmtime sees it, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "plugin",
    imports: { default: async | trappable },
    exports: { default: async },
});

pub(crate) use drydock::blueprint::{commands, leases, log, types, view};
pub(crate) use exports::drydock::blueprint::planning;
