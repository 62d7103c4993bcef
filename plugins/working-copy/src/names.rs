//! Names that come from requests and configurations, and end up in paths and in arguments of git.

/// The name of a repository: a folder on the host, so it climbs nowhere, and is no option of a program.
pub fn check_repository(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let goes_on = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    if begins && goes_on && name.len() <= 63 {
        return Ok(());
    }
    Err(format!("{name:?} can't name a repository: it must be 1 to 63 of a-z 0-9 . _ -, and begin with a-z or 0-9"))
}

/// The full id of a commit. An abbreviated one can't be asked of a remote, and may come to mean another.
pub fn check_commit(id: &str) -> Result<(), String> {
    let hex = id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if hex && (id.len() == 40 || id.len() == 64) {
        return Ok(());
    }
    Err(format!("{id:?} is no full commit id: it must be 40 or 64 of 0-9 a-f"))
}

/// The name of a branch, without `refs/heads/`.
pub fn check_branch(name: &str) -> Result<(), String> {
    check_ref(name).map_err(|why| format!("{name:?} can't name a branch: {why}"))?;
    // git itself refuses a branch of this name.
    if name == "HEAD" {
        return Err(format!("{name:?} can't name a branch: git means something else by it"));
    }
    Ok(())
}

/// A reference: its full name (`refs/…`), or that of a tag or a branch.
pub fn check_reference(name: &str) -> Result<(), String> {
    check_ref(name).map_err(|why| format!("{name:?} can't name a reference: {why}"))
}

/// The rules of `git check-ref-format --allow-onelevel`, and that it is no option.
fn check_ref(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.len() > 200 {
        return Err("it is longer than 200 bytes");
    }
    if name.starts_with('-') {
        return Err("it begins with -");
    }
    if name == "@" {
        return Err("git means HEAD by it");
    }
    if name.contains("..") || name.contains("@{") {
        return Err("it contains .. or @{");
    }
    if name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)) {
        return Err("it contains a blank, a control character or one of ~ ^ : ? * [ \\");
    }
    if name.ends_with('.') {
        return Err("it ends with a dot");
    }
    for part in name.split('/') {
        if part.is_empty() {
            return Err("it has an empty part between slashes");
        }
        if part.starts_with('.') || part.ends_with(".lock") {
            return Err("a part of it begins with a dot or ends with .lock");
        }
    }
    Ok(())
}

/// What a path must be on a host: absolute or below the home directory, and nothing that a shell or ssh reads as more.
pub fn check_cache(path: &str) -> Result<(), String> {
    let below = path.strip_prefix("~/").or_else(|| path.strip_prefix('/')).filter(|below| !below.is_empty());
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let fine = |below: &str| below.chars().all(plain) && below.split('/').all(|part| !part.is_empty() && part != "..");
    if below.is_some_and(fine) && path.len() <= 512 {
        return Ok(());
    }
    Err(format!("`cache` is {path:?}; it must be a path that begins with / or ~/, of letters, digits and . _ - /"))
}

/// The variable that tells the holder of a lease where a repository is.
pub fn variable(repository: &str) -> String {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("DRYDOCK_WORKING_COPY_{}", repository.chars().map(upper).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const REFS: [&str; 36] = [
        "main",
        "a/b",
        "a//b",
        "/a",
        "a/",
        "a.",
        ".a",
        "a/.b",
        "a.lock",
        "a.lock/b",
        "a..b",
        "a@{b",
        "@",
        "a@b",
        "a b",
        "a~b",
        "a^b",
        "a:b",
        "a?b",
        "a*b",
        "a[b",
        "a\\b",
        "a\tb",
        "a\u{7f}b",
        "",
        "ä",
        "refs/heads/x",
        "refs/pull/1/head",
        "v1.0",
        "a/@",
        "x.lockx",
        "a-b",
        "feature/-x",
        "@/x",
        "{x}",
        "a..",
    ];

    #[test]
    fn references_are_judged_as_git_does() {
        for name in REFS {
            let git = Command::new("git").args(["check-ref-format", "--allow-onelevel", name]).status();
            let git = git.unwrap_or_else(|error| panic!("git: {error}")).success();
            assert_eq!(check_reference(name).is_ok(), git, "{name:?}: {:?}", check_reference(name));
        }
    }

    #[test]
    fn options_are_no_names() {
        for name in ["-x", "--upload-pack=touch /tmp/x", "-"] {
            assert!(check_branch(name).is_err() && check_reference(name).is_err() && check_commit(name).is_err());
            assert!(check_repository(name).is_err(), "{name}");
        }
        assert!(check_branch("HEAD").is_err());
    }

    #[test]
    fn repositories_climb_nowhere() {
        for name in ["..", ".", "", ".git", "a/b", "../a", "A", "a\0", "a\n", "-a", "_a", "é"] {
            assert!(check_repository(name).is_err(), "{name:?}");
        }
        for name in ["a", "0", "my-repo", "a..b", "a.git", "x_y"] {
            assert_eq!(check_repository(name), Ok(()), "{name:?}");
        }
        assert!(check_repository(&"a".repeat(64)).is_err());
    }

    #[test]
    fn commits_are_named_in_full() {
        assert!(check_commit(&"a1".repeat(20)).is_ok() && check_commit(&"0".repeat(64)).is_ok());
        for id in ["abc123", "HEAD", &"A".repeat(40), &"a".repeat(41), "", &"g".repeat(40)] {
            assert!(check_commit(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn caches_are_plain_paths() {
        for path in ["/var/cache/git", "~/.cache/drydock/git"] {
            assert_eq!(check_cache(path), Ok(()));
        }
        for path in ["cache", "/", "~/", "/a/../b", "/a b", "/a$b", "/a//b", "~", "~x/a", "/a\"b", "/a/"] {
            assert!(check_cache(path).is_err(), "{path}");
        }
    }
}
