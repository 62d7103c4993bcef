//! Small files on leased things, by a shell there: an SSH server need not serve SFTP for that.
//!
//! - `calls`: writing and reading

mod calls;

pub use calls::FILE_LIMIT;
