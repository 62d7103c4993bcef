//! Small files on a thing.

use crate::commands::Error;
use crate::{Access, bindings, fake};

/// Writes a file, under another name first; at most 16 MiB.
pub fn put(on: &Access, path: &str, content: &[u8], mode: u32) -> Result<(), Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.put(on, path, content, mode));
    }
    bindings::files::put(on, path, content, mode)
}

/// Reads a file of at most `limit` bytes.
pub fn get(on: &Access, path: &str, limit: u32) -> Result<Vec<u8>, Error> {
    if fake::is_on() {
        return fake::outside(|outside| outside.get(on, path, limit));
    }
    bindings::files::get(on, path, limit)
}
