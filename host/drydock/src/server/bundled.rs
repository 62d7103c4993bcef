//! Plugins that the program brings.

macro_rules! bundled {
    ($($name:literal),*) => {
        /// By name, in order.
        const BUNDLED: &[(&str, &[u8])] =
            &[$(($name, include_bytes!(concat!(env!("DRYDOCK_PLUGINS"), "/", $name, ".wasm")))),*];
    };
}

bundled!("almanac", "ec2", "preallocated", "working-copy");

/// The component of that name.
pub fn component(name: &str) -> Option<&'static [u8]> {
    BUNDLED.iter().find(|(bundled, _)| *bundled == name).map(|(_, component)| *component)
}

/// Their names, for messages.
pub fn names() -> Vec<&'static str> {
    BUNDLED.iter().map(|(name, _)| *name).collect()
}
