//! The host's log. Messages are marked there with the blueprint and the function.

use crate::{bindings, fake};

pub use bindings::log::Level;

/// What the macros call.
#[doc(hidden)]
pub fn write(level: &str, message: &str) {
    if fake::is_on() {
        return fake::outside(|outside| outside.log(level, message));
    }
    let level = match level {
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warn,
        _ => Level::Error,
    };
    bindings::log::write(level, message);
}

/// Formats like `println!`, to the host's log, for who looks for a mistake in the plugin.
#[macro_export]
macro_rules! debug {
    ($($arg:tt)*) => { $crate::write("debug", &format!($($arg)*)) };
}

/// Formats like `println!`, to the host's log, for who wants to know what happens.
#[macro_export]
macro_rules! info {
    ($($arg:tt)*) => { $crate::write("info", &format!($($arg)*)) };
}

/// Formats like `println!`, to the host's log, for who should look at something.
#[macro_export]
macro_rules! warn {
    ($($arg:tt)*) => { $crate::write("warn", &format!($($arg)*)) };
}

/// Formats like `println!`, to the host's log, for who has to act.
#[macro_export]
macro_rules! error {
    ($($arg:tt)*) => { $crate::write("error", &format!($($arg)*)) };
}
