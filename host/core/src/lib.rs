//! The core of Drydock: the model, the planner, the store, the engine and the simulator. It knows no WebAssembly, no
//! network and no file system beyond the store's.
#![forbid(unsafe_code)]

pub mod config;
pub mod contract;
pub mod engine;
pub mod env;
pub mod model;
pub mod planner;
pub mod plugin;
pub mod sim;
pub mod store;
