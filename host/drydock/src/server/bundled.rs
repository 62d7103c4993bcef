//! Plugins that the program brings.

/// The component of that name.
pub fn component(_name: &str) -> Option<&'static [u8]> {
    None
}

/// Their names, for messages.
pub fn names() -> Vec<&'static str> {
    Vec::new()
}
