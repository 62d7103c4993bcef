//! Components that were compiled before, by their digest and by what they were compiled with.
//!
//! What is kept here is machine code, and reading it back is the one thing in this crate that the compiler can't vouch
//! for: whoever can write it can make the daemon run anything. So the folder is the user's own and nobody else's, and a
//! file counts only with the hash of its content, so that one that was damaged is compiled anew.

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A folder for compiled components.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// Bytes of the hash that a file begins with.
const HASH: usize = 32;

impl Cache {
    /// Makes the folder if it is missing. It must be the user's own, and nobody else's; the error says why it is not.
    pub fn open(folder: &Path) -> Result<Cache, String> {
        let shown = folder.display();
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| format!("{shown} can't be made: {error}"))?;
        let found = fs::symlink_metadata(folder).map_err(|error| format!("{shown} can't be looked at: {error}"))?;
        if !found.is_dir() {
            return Err(format!("{shown} is no folder of its own; remove it"));
        }
        if found.uid() != geteuid().as_raw() || found.mode() & 0o077 != 0 {
            return Err(format!("{shown} is open to others; remove it, or `chmod 700` it"));
        }
        Ok(Cache { folder: folder.to_owned() })
    }

    fn file(&self, engine: &Engine, digest: &str) -> PathBuf {
        // Wasmtime's version, its configuration and the processor.
        let mut with = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut with);
        self.folder.join(format!("{digest}-{:016x}", with.finish()))
    }

    /// The component, if it was compiled before; what is there but can't be used counts as missing.
    pub(crate) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let file = self.file(engine, digest);
        let content = fs::read(&file).ok()?;
        let (hash, code) = content.split_at_checked(HASH)?;
        if Sha256::digest(code)[..] != *hash {
            tracing::warn!("{} is damaged, so its component is compiled again", file.display());
            return None;
        }
        deserialize(engine, code)
    }

    /// Keeps a component. That it can't be kept is no reason to go without it.
    pub(crate) fn keep(&self, engine: &Engine, digest: &str, component: &Component) {
        let file = self.file(engine, digest);
        if let Err(error) = self.write(&file, component) {
            tracing::warn!("a compiled component can't be kept as {}: {error}", file.display());
        }
    }

    /// Written beside it first, so that nobody reads half of it.
    fn write(&self, file: &Path, component: &Component) -> Result<(), String> {
        let code = component.serialize().map_err(|error| format!("{error:#}"))?;
        let beside = file.with_extension(format!("{}-{:08x}", std::process::id(), rand::random::<u32>()));
        let written =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).and_then(|mut to| {
                to.write_all(&Sha256::digest(&code))?;
                to.write_all(&code)?;
                fs::rename(&beside, file)
            });
        written.map_err(|error| {
            // It may not even be there.
            let _ = fs::remove_file(&beside);
            error.to_string()
        })
    }
}

#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: these are bytes that `serialize` has made: they come from a folder that nobody but this user could write
    // since it was made, and they have the hash that was written with them. That they were made by this version of
    // Wasmtime, with this configuration, Wasmtime itself checks.
    unsafe { Component::deserialize(engine, code) }.ok()
}
