//! Where things are when the file does not say.

use std::path::PathBuf;

/// `$XDG_RUNTIME_DIR/drydock.sock`, or `/tmp/drydock-<uid>.sock` where there is no such directory.
pub fn default_socket() -> PathBuf {
    match directory("XDG_RUNTIME_DIR") {
        Some(directory) => directory.join("drydock.sock"),
        None => PathBuf::from(format!("/tmp/drydock-{}.sock", nix::unistd::getuid())),
    }
}

/// `$XDG_STATE_HOME/drydock/drydock.db`, where that is unset in `~/.local/state`. None without a home.
pub fn default_store() -> Option<PathBuf> {
    let state = directory("XDG_STATE_HOME").or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    Some(state.join("drydock/drydock.db"))
}

/// `$XDG_CACHE_HOME/drydock`, where that is unset `~/.cache/drydock`. None without a home.
pub fn default_cache() -> Option<PathBuf> {
    let cache = directory("XDG_CACHE_HOME").or_else(|| Some(std::env::home_dir()?.join(".cache")))?;
    Some(cache.join("drydock"))
}

/// The machine's name, as far as it can be a node's.
pub fn default_node() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    match super::check::is_node_name(&name) {
        true => name,
        false => "node".to_string(),
    }
}

/// The XDG base directories must be absolute; others are to be ignored.
fn directory(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}
