//! A small file system that can be full.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that it has room for.
const FILES: u32 = 2_000;

/// A file system in memory, mounted on a folder.
pub struct Disk {
    path: PathBuf,
    /// Files that take room.
    files: u32,
}

impl Disk {
    /// Needs the right to mount, which root has, but not in every container.
    pub fn mount(path: &Path, megabytes: u64) -> Result<Disk, String> {
        let options = format!("size={megabytes}m,nr_inodes={FILES},mode=755");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "drydock-tests"]).arg(path).output();
        match mount {
            Ok(output) if output.status.success() => Ok(Disk { path: path.to_owned(), files: 0 }),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(format!("mount: {error}")),
        }
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Takes what room there is, for bytes and for files. What others give back later stays free until the next call.
    pub fn fill(&mut self) {
        let filler = self.filler();
        until_full(fs::create_dir_all(&filler)).expect("the filler's folder");
        let bytes = File::options().append(true).create(true).open(filler.join("bytes"));
        if let Some(mut bytes) = until_full(bytes).expect("a file for the bytes") {
            for piece in [1 << 20, 4096, 1] {
                let zeros = vec![0; piece];
                while until_full(bytes.write_all(&zeros)).expect("bytes can be written").is_some() {}
            }
        }
        while until_full(File::create(filler.join(self.files.to_string()))).expect("a file can be made").is_some() {
            self.files += 1;
        }
    }

    /// Gives all of it back.
    pub fn free(&mut self) {
        match fs::remove_dir_all(self.filler()) {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("the filler can't be removed: {error}"),
            _ => self.files = 0,
        }
    }
}

/// None: there is no room.
fn until_full<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == ErrorKind::StorageFull => Ok(None),
        Err(error) => Err(error),
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also while somebody has a file open there.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
