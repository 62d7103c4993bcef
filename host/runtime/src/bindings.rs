//! The contract as wasmtime sees it, generated from `wit/`.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "plugin",
    imports: { default: async | trappable },
    exports: { default: async },
});

pub(crate) use drydock::blueprint::{commands, credentials, files, jobs, leases, log, types, view};
pub(crate) use exports::drydock::blueprint::planning;

/// The same with what only some plugins export.
pub(crate) mod with_health {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plugin-with-health",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "drydock:blueprint": super::drydock::blueprint },
    });

    pub(crate) use exports::drydock::blueprint::health::Verdict;
}

/// The same with what exists outside.
pub(crate) mod with_inventory {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plugin-with-inventory",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "drydock:blueprint": super::drydock::blueprint },
    });

    pub(crate) use exports::drydock::blueprint::inventory::{Absence, Observation};
}
