//! The Unix socket, and who is at its other end.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// A socket that is listened on. Only the daemon's own user can connect.
pub struct Bound {
    pub listener: UnixListener,
    pub guard: Guard,
}

/// Keeps the socket's path for this daemon, and removes the socket in the end.
pub struct Guard {
    path: PathBuf,
    /// Device and inode of the socket that this daemon made.
    made: (u64, u64),
    /// Held for as long as this lives: two daemons that start at once can't both find the path free.
    _lock: File,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("another daemon{} listens on {}; stop it, or set another `socket`", with_pid(*pid), path.display())]
    Live { path: PathBuf, pid: Option<i32> },
    #[error("{} is there and is no socket; remove it, or set another `socket`", path.display())]
    NoSocket { path: PathBuf },
    #[error("the socket {} can't be made: {error}; set another `socket`", path.display())]
    Io { path: PathBuf, error: io::Error },
}

fn with_pid(pid: Option<i32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl Bound {
    /// Listens on `path`. What a daemon that is gone has left there is replaced; one that answers is not.
    pub async fn new(path: &Path) -> Result<Bound, SocketError> {
        let io = |error| SocketError::Io { path: path.to_path_buf(), error };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(io)?;
        let lock = lock(path).await?;
        free(path).await?;
        let listener = listen(path, parent).map_err(io)?;
        let made = identity(path).map_err(io)?;
        Ok(Bound { listener, guard: Guard { path: path.to_path_buf(), made, _lock: lock } })
    }
}

/// The lock is a file beside the socket. It stays there: removing it could free the path for two.
async fn lock(path: &Path) -> Result<File, SocketError> {
    let io = |error| SocketError::Io { path: path.to_path_buf(), error };
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    let mut options = OpenOptions::new();
    let file =
        options.create(true).write(true).truncate(false).mode(0o600).open(path.with_file_name(name)).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(SocketError::Live { path: path.to_path_buf(), pid: answers(path).await.flatten() })
        }
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

/// Whether somebody answers, and who.
async fn answers(path: &Path) -> Option<Option<i32>> {
    let stream = UnixStream::connect(path).await.ok()?;
    Some(stream.peer_cred().ok().and_then(|cred| cred.pid()))
}

/// Sees to it that nothing is lost when `path` is replaced.
async fn free(path: &Path) -> Result<(), SocketError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(SocketError::Io { path: path.to_path_buf(), error }),
        Ok(found) if !found.file_type().is_socket() => Err(SocketError::NoSocket { path: path.to_path_buf() }),
        Ok(_) => match answers(path).await {
            Some(pid) => Err(SocketError::Live { path: path.to_path_buf(), pid }),
            None => Ok(()),
        },
    }
}

/// The socket is made in a folder that only this user can enter, and moved to its place when its mode is right: nobody
/// else can connect in between, and what was there before is replaced in one step.
fn listen(path: &Path, parent: &Path) -> io::Result<UnixListener> {
    let folder = parent.join(format!(".{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&folder)?;
    let inside = folder.join("s");
    let made = UnixListener::bind(&inside).and_then(|listener| {
        std::fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
        std::fs::rename(&inside, path)?;
        Ok(listener)
    });
    if made.is_err() {
        // It may not have come so far.
        let _ = std::fs::remove_file(&inside);
    }
    std::fs::remove_dir(&folder)?;
    made
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Somebody may have put something else there.
        if identity(&self.path).ok() == Some(self.made)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!("the socket {} can't be removed: {error}", self.path.display());
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The name of the user that it runs as, or the number of one that has no name.
    pub user: Option<String>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Peer {
        let Ok(credentials) = stream.io().peer_cred() else { return Peer { user: None } };
        let id = nix::unistd::Uid::from_raw(credentials.uid());
        let name = nix::unistd::User::from_uid(id).ok().flatten().map(|user| user.name);
        Peer { user: Some(name.unwrap_or_else(|| id.to_string())) }
    }
}
