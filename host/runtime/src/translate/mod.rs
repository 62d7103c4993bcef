//! Between the contract's types as the host has them and those that wasmtime generated. What comes from a guest is
//! checked on the way: an answer that the contract does not allow is no answer.

mod answers;
mod arguments;
mod broken;
mod descriptor;
mod inventory;
mod steps;
mod text;
mod values;

pub(crate) use answers::{acquisition, allocations, needs, refusal};
pub(crate) use arguments::{blueprint, context, given, place, request, resource, thing};
pub(crate) use descriptor::descriptor;
pub(crate) use inventory::{observation, removal};
pub(crate) use steps::{failure, progress, verdict};
pub(crate) use text::escaped;
pub(crate) use values::{access, wish};
