//! The commands with their flags and what `--help` says of them.

mod commands;
mod leasing;
mod looking;
mod operating;

pub use commands::*;
pub use leasing::*;
pub use looking::*;
pub use operating::*;
