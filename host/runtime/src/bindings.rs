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
        with: {
            "drydock:blueprint/types": super::drydock::blueprint::types,
            "drydock:blueprint/log": super::drydock::blueprint::log,
            "drydock:blueprint/view": super::drydock::blueprint::view,
            "drydock:blueprint/commands": super::drydock::blueprint::commands,
            "drydock:blueprint/jobs": super::drydock::blueprint::jobs,
            "drydock:blueprint/files": super::drydock::blueprint::files,
            "drydock:blueprint/leases": super::drydock::blueprint::leases,
            "drydock:blueprint/credentials": super::drydock::blueprint::credentials,
        },
    });

    pub(crate) use exports::drydock::blueprint::health::Verdict;
}

pub(crate) mod with_inventory {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "plugin-with-inventory",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "drydock:blueprint/types": super::drydock::blueprint::types,
            "drydock:blueprint/log": super::drydock::blueprint::log,
            "drydock:blueprint/view": super::drydock::blueprint::view,
            "drydock:blueprint/commands": super::drydock::blueprint::commands,
            "drydock:blueprint/jobs": super::drydock::blueprint::jobs,
            "drydock:blueprint/files": super::drydock::blueprint::files,
            "drydock:blueprint/leases": super::drydock::blueprint::leases,
            "drydock:blueprint/credentials": super::drydock::blueprint::credentials,
        },
    });

    pub(crate) use exports::drydock::blueprint::inventory::{Absence, Observation};
}
