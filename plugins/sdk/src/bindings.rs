//! The contract, generated from `wit/`: once with what every plugin exports, and once for each of the two exports that
//! only some have.

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    pub_export_macro: true,
    generate_all,
    additional_derives: [PartialEq, Eq],
});

pub use drydock::blueprint::{commands, credentials, files, jobs, leases, log, types, view};
pub use exports::drydock::blueprint::{lifecycle, planning};

pub mod with_health {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package drydock:sdk; world health { export drydock:blueprint/health@0.1.0; }",
        world: "drydock:sdk/health",
        pub_export_macro: true,
        with: { "drydock:blueprint/types@0.1.0": crate::bindings::types },
    });
    pub use exports::drydock::blueprint::health;
}

pub mod with_inventory {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package drydock:sdk; world inventory { export drydock:blueprint/inventory@0.1.0; }",
        world: "drydock:sdk/inventory",
        pub_export_macro: true,
        with: { "drydock:blueprint/types@0.1.0": crate::bindings::types },
    });
    pub use exports::drydock::blueprint::inventory;
}
