//! What a lease leaves is not there for the next.

use crate::remote::Remote;
use crate::world::{World, config};
use drydock_sdk::Next;
use drydock_sdk::serde_json::json;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A remote with an ignored folder, and a folder in it.
fn remote() -> Remote {
    let remote = Remote::new();
    remote.commit(".gitignore", "build/\n*.log\n");
    remote.commit("folder/file", "x\n");
    remote
}

#[test]
fn files_that_were_made_changed_and_ignored_are_swept_away() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    let copy = world.copy("app");
    write(&copy.join("first"), "changed\n");
    write(&copy.join("build/a/b"), "x");
    write(&copy.join("some.log"), "x");
    write(&copy.join("untracked/deep/file"), "x");
    write(&copy.join(".gitattributes"), "* filter=evil\n");
    std::fs::create_dir_all(copy.join("empty/folders")).unwrap();
    std::fs::set_permissions(copy.join("untracked/deep"), std::fs::Permissions::from_mode(0o0)).unwrap();
    world.git("app", &["init", "--quiet", "inner"]);
    write(&copy.join("inner/x"), "x");
    std::fs::remove_dir_all(copy.join("folder")).unwrap();
    symlink("/etc", copy.join("folder")).unwrap();
    write(&copy.join("../stray"), "x");
    write(&copy.join("../.hidden/x"), "x");
    symlink("/etc", copy.join("../link")).unwrap();
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    assert_eq!(std::fs::read_to_string(copy.join("first")).unwrap(), "one\n");
    assert_eq!(std::fs::read_to_string(copy.join("folder/file")).unwrap(), "x\n");
    let mut entries: Vec<_> = std::fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    entries.sort();
    assert_eq!(entries, [".git", ".gitignore", "first", "folder"]);
}

/// Same length, same times, and an index that was told to look away.
#[test]
fn a_change_is_found_by_what_a_file_holds() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({}));
    let first = world.copy("app").join("first");
    let time = std::fs::metadata(&first).unwrap().modified().unwrap();
    world.git("app", &["update-index", "--assume-unchanged", "first"]);
    world.git("app", &["update-index", "--skip-worktree", "folder/file"]);
    std::fs::remove_file(world.copy("app").join("folder/file")).unwrap();
    write(&first, "two\n");
    std::fs::File::options().write(true).open(&first).unwrap().set_modified(time).unwrap();
    world.release(&mut place).unwrap();
    assert_eq!(std::fs::read_to_string(&first).unwrap(), "one\n");
    world.assert_clean("app");
    assert!(world.copy("app").join("folder/file").exists());
}

#[test]
fn what_was_planted_in_git_neither_runs_nor_stays() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    let git = world.copy("app").join(".git");
    let trap = world.machine().home.path().join("sprung");
    let script = format!("#!/bin/sh\necho $0 >>{}\ncat\n", trap.display());
    for hook in ["post-checkout", "reference-transaction", "post-merge", "post-index-change", "pre-auto-gc"] {
        write(&git.join("hooks").join(hook), &script);
        std::fs::set_permissions(git.join("hooks").join(hook), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let planted = git.join("hooks/post-checkout");
    let planted = planted.to_str().unwrap();
    let settings = [
        ("core.fsmonitor", planted),
        ("core.sshCommand", planted),
        ("core.hooksPath", "hooks"),
        ("core.worktree", "/"),
        ("core.attributesFile", "/dev/stdin"),
        ("filter.evil.clean", planted),
        ("filter.evil.smudge", planted),
        ("remote.origin.uploadpack", planted),
        ("url./nowhere/.insteadOf", remote.url()),
        ("merge.evil.driver", planted),
    ];
    let config = settings.iter().map(|(key, value)| {
        let (section, key) = key.rsplit_once('.').unwrap();
        let (section, name) = section.split_once('.').unwrap_or((section, ""));
        let name = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        format!("[{section}{name}]\n\t{key} = {value}\n")
    });
    let config: String = config.collect();
    write(&git.join("config"), &config);
    write(&git.join("info/attributes"), "* filter=evil\n");
    write(&git.join("info/exclude"), "untracked\n");
    write(&git.join("objects/info/alternates"), "/nowhere\n");
    write(&git.join("index.lock"), "");
    write(&world.copy("app").join("untracked"), "x");
    // The account's own configuration is reached too.
    let home = world.machine().home.path().to_owned();
    write(&home.join(".gitconfig"), &config);
    write(&home.join(".config/git/config"), &config);
    write(&home.join(".config/git/attributes"), "* filter=evil\n");
    world.release(&mut place).unwrap();
    assert!(!trap.exists(), "something was run: {}", std::fs::read_to_string(&trap).unwrap_or_default());
    world.assert_clean("app");
    let new = remote.commit("second", "two\n");
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    assert_eq!(world.head("app"), new);
    assert!(!trap.exists(), "something was run: {}", std::fs::read_to_string(&trap).unwrap_or_default());
    let has = world.git("app", &["config", "--local", "--list"]);
    assert!(!has.contains("evil") && !has.contains("fsmonitor") && !has.contains("insteadof"), "{has}");
    assert!(!git.join("hooks").exists() && !git.join("info/attributes").exists());
    world.release(&mut place).unwrap();
}

#[test]
fn what_was_planted_in_a_cache_neither_runs_nor_goes_on() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({}));
    let trap = world.machine().home.path().join("sprung");
    let program = world.machine().home.path().join("program");
    write(&program, &format!("#!/bin/sh\ntouch {}\n", trap.display()));
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let elsewhere = world.machine().home.path().join("elsewhere");
    world.git("app", &["clone", "--quiet", "--bare", ".", elsewhere.to_str().unwrap()]);
    let cache = world.machine().cache();
    let text = format!("[core]\n\tbare = true\n\talternateRefsCommand = {0}\n\tfsmonitor = {0}\n", program.display());
    write(&cache.join("config"), &text);
    write(&cache.join("hooks/reference-transaction"), "#!/bin/sh\nexit 1\n");
    write(&cache.join("objects/info/alternates"), &format!("{}\n", elsewhere.join("objects").display()));
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    assert!(!world.copy("app").join(".git/objects/info/alternates").exists(), "it would read what others write");
    assert!(!cache.join("hooks").exists() && !cache.join("objects/info/alternates").exists());
    assert!(!trap.exists());
}

#[test]
fn branches_and_commits_of_a_lease_are_gone_after_it() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({ "branch": "main" }));
    write(&world.copy("app").join("secret"), "mine\n");
    world.git("app", &["add", "secret"]);
    world.git("app", &["commit", "--quiet", "-m", "mine"]);
    let mine = world.head("app");
    world.git("app", &["branch", "mine"]);
    world.git("app", &["tag", "mine-too"]);
    world.git("app", &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    world.git("app", &["stash", "list"]);
    world.git("app", &["replace", "HEAD", "HEAD^"]);
    world.release(&mut place).unwrap();
    world.assert_clean("app");
    let (mut place, _) = world.lease(json!({}));
    assert_eq!(world.git("app", &["rev-parse", "origin/main", "HEAD"]), [remote.head(), remote.head()].join("\n"));
    assert_eq!(world.git("app", &["for-each-ref", "--format=%(refname)"]).lines().count(), 3);
    let objects = world.git("app", &["cat-file", "--batch-all-objects", "--batch-check"]);
    assert!(!objects.contains(&mine), "its objects are not readable for the next");
    world.release(&mut place).unwrap();
}

#[test]
fn a_copy_that_is_no_copy_any_more_is_made_anew() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let copy = world.copy("app");
    let outside = world.machine().home.path().join("outside");
    write(&outside.join("precious"), "x");

    // Gone, a file, a link to somewhere else, or with a `.git` that leads somewhere else.
    let spoil: [&dyn Fn(); 5] = [
        &|| std::fs::remove_dir_all(&copy).unwrap(),
        &|| {
            std::fs::remove_dir_all(&copy).unwrap();
            write(&copy, "a file");
        },
        &|| {
            std::fs::remove_dir_all(&copy).unwrap();
            symlink(&outside, &copy).unwrap();
        },
        &|| {
            std::fs::remove_dir_all(copy.join(".git")).unwrap();
            symlink(&outside, copy.join(".git")).unwrap();
        },
        &|| {
            std::fs::remove_dir_all(copy.join(".git")).unwrap();
            write(&copy.join(".git"), "gitdir: /nowhere\n");
        },
    ];
    for spoil in spoil {
        let (mut place, _) = world.lease(json!({}));
        spoil();
        world.release(&mut place).unwrap();
        world.assert_clean("app");
        assert!(outside.join("precious").exists());
        assert!(!copy.is_symlink() && !copy.join(".git").is_symlink());
    }
}

#[test]
fn a_copy_that_can_not_be_cleaned_is_not_lent_again() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({}));
    // Its ground is a link: nothing below it is what it was.
    let ground = world.machine().ground();
    std::fs::rename(&ground, ground.with_extension("moved")).unwrap();
    symlink("moved", &ground).unwrap();
    let failure = world.release(&mut place).unwrap_err();
    assert_eq!(failure.next, Next::Gone, "{}", failure.reason);
    assert!(failure.reason.contains("not lent again"), "{}", failure.reason);
    assert_eq!(world.machine().records(), 0);
}

#[test]
fn jobs_of_a_lease_that_ends_while_it_is_set_up_are_ended() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    world.machine().slow = true;
    // Too much is to be done at once; it fetches; it checks out.
    for calls in [1, 2, 4] {
        let mut place = world.place(json!({ "branch": "main" }));
        world.begin(&mut place, calls);
        assert_eq!(world.machine().records() > 0, calls > 1);
        world.release(&mut place).unwrap();
        world.assert_clean("app");
        assert_eq!(world.machine().records(), 0);
    }
}

/// Not even where it is called as if it were ours.
#[test]
fn nothing_beside_a_copy_is_left_to_the_next_lease() {
    let remote = remote();
    let mut world = World::opened(config(&[("app", &remote)]), json!({}));
    let (mut place, _) = world.lease(json!({}));
    let ground = world.machine().ground();
    for name in [".app", ".app.held", ".app.held-by-me", ".app.lock", ".fresh-app", ".fresh-other", "apple", "..."] {
        std::fs::create_dir(ground.join(name)).unwrap();
        std::fs::write(ground.join(name).join("left"), "x").unwrap();
    }
    std::os::unix::fs::symlink("/", ground.join(".app.held.broken")).unwrap();
    world.release(&mut place).unwrap();
    let left: Vec<_> = std::fs::read_dir(ground).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["app"]);
}
