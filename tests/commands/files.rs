//! Small files, written and read.

use super::assert_says;
use super::place::{Place, WITHIN};
use drydock_runtime::commands::{CommandError, FILE_LIMIT};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

fn other<T: std::fmt::Debug>(result: Result<T, CommandError>) -> String {
    match result {
        Err(CommandError::Other(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn invalid<T: std::fmt::Debug>(result: Result<T, CommandError>) -> String {
    match result {
        Err(CommandError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_written_is_read() {
    for place in Place::both() {
        let (runner, on) = (place.runner(), &place.on);
        let large: Vec<u8> = (0..FILE_LIMIT).map(|n| (n * 7 + n / 251) as u8).collect();
        for (n, name) in ["plain", "-n", "a 'b' \"c\" $d", "gr\u{fc}n\nline", "*"].into_iter().enumerate() {
            let (path, word) = place.file(name);
            let content = match n {
                0 => large.clone(),
                1 => Vec::new(),
                _ => b"\0\xff\r\n".to_vec(),
            };
            runner.put_file(on, &word, content.clone(), 0o640, WITHIN).await.expect("written");
            assert!(fs::read(&path).expect("the file") == content, "{name}");
            assert_eq!(fs::metadata(&path).expect("the file").permissions().mode() & 0o7777, 0o640, "{name}");
            assert!(runner.get_file(on, &word, FILE_LIMIT, WITHIN).await.expect("read") == content, "{name}");
        }
    }
}

#[tokio::test]
async fn a_file_is_replaced_and_never_written_to() {
    for place in Place::both() {
        let (runner, on) = (place.runner(), &place.on);
        let (path, word) = place.file("file");
        runner.put_file(on, &word, b"old".to_vec(), 0o600, WITHIN).await.expect("written");
        let reader = fs::File::open(&path).expect("the old file");
        runner.put_file(on, &word, b"new".to_vec(), 0o755, WITHIN).await.expect("written");
        assert_eq!(std::io::read_to_string(reader).expect("what was open"), "old");
        let there = fs::metadata(&path).expect("the new file");
        assert_eq!((fs::read(&path).expect("new"), there.mode() & 0o7777), (b"new".to_vec(), 0o755));
        let names = fs::read_dir(path.parent().expect("a folder")).expect("a folder").count();
        assert_eq!(names, 1, "something is left beside it");
    }
}

#[tokio::test]
async fn a_relative_path_begins_where_commands_do() {
    for place in Place::both() {
        let (runner, on) = (place.runner(), &place.on);
        let (path, _) = place.file("-there");
        let relative = place.relative(&path).await;
        runner.put_file(on, &relative, b"x".to_vec(), 0o600, WITHIN).await.expect("written");
        assert_eq!(fs::read(&path).expect("the file"), b"x");
        assert_eq!(runner.get_file(on, &relative, 1, WITHIN).await.expect("read"), b"x");
    }
}

#[tokio::test]
async fn what_cannot_be_written_or_read_is_told_apart() {
    for place in Place::both() {
        let (runner, on) = (place.runner(), &place.on);
        let (folder, folder_word) = place.file("folder");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("file"), "12345").expect("a file");
        let put = async |path: String| other(runner.put_file(on, &path, b"x".to_vec(), 0o600, WITHIN).await);
        let get = async |path: String| other(runner.get_file(on, &path, 4, WITHIN).await);
        assert_says(&put(format!("{folder_word}/no/file")).await, &["there is no directory", "/no", "make it first"]);
        assert_says(&put(folder_word.clone()).await, &[&folder_word, "is a directory"]);
        assert_says(&put(format!("{folder_word}/file/below")).await, &["/file", "there is no directory"]);
        assert_says(&get(format!("{folder_word}/file")).await, &["/file", "5 bytes long", "4 were wanted"]);
        assert_says(&get(format!("{folder_word}/nothing")).await, &["/nothing", "there is no such file"]);
        assert_says(&get(folder_word.clone()).await, &[&folder_word, "not a file"]);
        assert_says(&get("/dev/null".into()).await, &["/dev/null", "not a file"]);
        for path in ["", "/", "a/", ".", "x/..", "a\0b"] {
            assert_says(&invalid(runner.get_file(on, path, 4, WITHIN).await), &["names no file"]);
        }
        let huge = runner.put_file(on, &format!("{folder_word}/huge"), vec![0; FILE_LIMIT + 1], 0o600, WITHIN).await;
        assert_says(&invalid(huge), &["huge", "16777217", "16777216"]);
        let strange = runner.put_file(on, &format!("{folder_word}/f"), Vec::new(), 0o10000, WITHIN).await;
        assert_says(&invalid(strange), &["10000", "7777"]);
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
    }
}
