//! URLs of remotes: which are taken, and how git logs in there.

/// How a remote is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// With the scheme, the server and the port, which is what a password is meant for.
    Http {
        server: String,
    },
    Ssh,
    /// A path on the host itself.
    Local,
}

/// Reads a URL. What git would take for a command of its own, or for an option, is none.
pub fn remote(url: &str) -> Result<Remote, String> {
    if url.len() > 1024 || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!("the URL {url:?} is longer than 1024 bytes, or contains blanks or control characters"));
    }
    for scheme in ["https://", "http://"] {
        if let Some(rest) = url.strip_prefix(scheme) {
            let authority = rest.split('/').next().unwrap_or_default();
            check_authority(url, authority, false)?;
            return Ok(Remote::Http { server: format!("{scheme}{authority}") });
        }
    }
    if let Some(rest) = url.strip_prefix("ssh://") {
        check_authority(url, rest.split('/').next().unwrap_or_default(), true)?;
        return Ok(Remote::Ssh);
    }
    if let Some(path) = url.strip_prefix("file://").or(Some(url)).filter(|path| path.starts_with('/')) {
        return match path.len() {
            1 => Err(format!("the URL {url:?} names no repository")),
            _ => Ok(Remote::Local),
        };
    }
    // user@host:path
    let scp = url.split_once(':').filter(|(_, path)| !path.is_empty() && !path.starts_with([':', '-']));
    match scp {
        Some((authority, path)) if authority.contains('@') && !path.starts_with("//") => {
            check_authority(url, authority, true)?;
            Ok(Remote::Ssh)
        }
        _ => Err(format!(
            "the URL {url:?} is none that is fetched from: it must be https://…, ssh://… or user@host:path"
        )),
    }
}

/// `[user@]host[:port]`, where neither can be an option of ssh, and no password stands in the open.
fn check_authority(url: &str, authority: &str, users: bool) -> Result<(), String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if user.is_some_and(|user| !users || user.contains(':')) {
        let shown = url.replace(user.unwrap_or_default(), "…");
        return Err(format!(
            "the URL {shown:?} tells who logs in: use `user` and `credential`, so that no secret shows"
        ));
    }
    let plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:[]".contains(c))
    };
    if plain(host) && user.is_none_or(plain) {
        return Ok(());
    }
    Err(format!("the URL {url:?} names no server that can be asked"))
}

/// What a folder on the host is called for it, for people: the end of the URL.
pub fn basename(url: &str) -> String {
    let end = url.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    let end = end.strip_suffix(".git").unwrap_or(end);
    let plain: String = end.chars().filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).take(40).collect();
    if plain.trim_start_matches('-').is_empty() { "repository".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_ways_are_taken() {
        let server = "https://example.org:8443".to_owned();
        assert_eq!(remote("https://example.org:8443/a/b.git"), Ok(Remote::Http { server }));
        for url in ["ssh://git@example.org:22/a", "git@example.org:a/b.git", "ssh://example.org/~a/b"] {
            assert_eq!(remote(url), Ok(Remote::Ssh), "{url}");
        }
        for url in ["/srv/git/a", "file:///srv/git/a"] {
            assert_eq!(remote(url), Ok(Remote::Local), "{url}");
        }
        let refused = [
            "ext::sh -c date",
            "ext::date",
            "-x",
            "--upload-pack=x",
            "example",
            "ftp://x/y",
            "git://x/y",
            "fd::3",
            "",
            "/",
            "https://",
            "https:///x",
            "https://-x/y",
            "ssh://-oProxyCommand=x/y",
            "ssh://a@-x/y",
            "-a@x:y",
            "a@-x:y",
            "a@x:",
            "a@x:-y",
            "a@b::c",
            "file://host/x",
            "https://x/\n",
            "C:/x",
            "https://x y/z",
        ];
        for url in refused {
            assert!(remote(url).is_err(), "{url:?} gives {:?}", remote(url));
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        for url in
            ["https://me:hunter2@example.org/x", "https://hunter2@example.org/x", "ssh://me:hunter2@example.org/x"]
        {
            let why = remote(url).err().unwrap_or_default();
            assert!(why.contains("credential") && !why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn folders_are_called_after_the_end() {
        assert_eq!(basename("https://example.org/a/My-repo.git/"), "My-repo");
        assert_eq!(basename("git@example.org:x"), "x");
        assert_eq!(basename("/srv/.."), "repository");
    }
}
