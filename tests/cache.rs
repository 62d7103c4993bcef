//! A component that was compiled once is not compiled again, unless what was kept can't be trusted.

#[allow(dead_code)] // Each test file uses a part of it.
mod guests;

use drydock_runtime::{Cache, Limits};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// How many components a new loader compiles to load this one.
async fn compiled(folder: &Path) -> u64 {
    let loader = guests::loader(Limits::default()).with_cache(Cache::open(folder).unwrap());
    let plugin = loader.load("preallocated", &guests::bytes("preallocated")).await.unwrap();
    assert_eq!(plugin.descriptor().kind, "host");
    loader.compiled()
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_second_start_compiles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("deep/drydock");
    assert_eq!(compiled(&folder).await, 1);
    assert_eq!(compiled(&folder).await, 0);
    let files = kept(&folder);
    assert_eq!(files.len(), 1);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);

    // What was damaged is compiled again, and kept again.
    let good = fs::read(&files[0]).unwrap();
    for damage in [Vec::new(), good[..good.len() - 1].to_vec(), [&good[..40], &[good[40] ^ 1], &good[41..]].concat()] {
        fs::write(&files[0], damage).unwrap();
        assert_eq!(compiled(&folder).await, 1);
        assert_eq!(compiled(&folder).await, 0);
    }
    assert_eq!(kept(&folder), files);
}

#[test]
fn a_folder_that_others_can_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o770)).unwrap();
    assert!(Cache::open(&open).is_err_and(|why| why.contains("chmod 700")));
    let link = folder.path().join("link");
    symlink(folder.path(), &link).unwrap();
    assert!(Cache::open(&link).is_err_and(|why| why.contains("no folder of its own")));
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Cache::open(&file).is_err());
}
