//! What the host's configuration says of a credential that is no secret.

use crate::{bindings, fake};

/// The public half of an SSH key, as a line of `authorized_keys` without a comment.
pub fn public_key(name: &str) -> Result<String, String> {
    if fake::is_on() {
        return fake::outside(|outside| outside.public_key(name));
    }
    bindings::credentials::public_key(name)
}
