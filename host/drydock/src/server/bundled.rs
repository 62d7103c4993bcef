//! Plugins that the program brings.

const PREALLOCATED: &[u8] = include_bytes!(env!("DRYDOCK_PREALLOCATED_WASM"));

/// The component of that name.
pub fn component(name: &str) -> Option<&'static [u8]> {
    (name == "preallocated").then_some(PREALLOCATED)
}

/// Their names, for messages.
pub fn names() -> Vec<&'static str> {
    vec!["preallocated"]
}
