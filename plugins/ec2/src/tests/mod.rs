//! The plugin as it is, against a real moto server, through a proxy that has faults and adds what moto lacks.

mod closing;
mod cuts;
mod decisions;
mod failures;
mod inventory;
mod moto;
mod opening;
mod proxy;
mod spot_requests;
mod wire;
mod world;
