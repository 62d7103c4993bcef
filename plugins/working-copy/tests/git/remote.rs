//! A remote: a repository of this machine.

use crate::machine::Folder;
use std::path::Path;
use std::process::{Command, Stdio};

/// What git says, run in a folder with nobody's configuration.
pub fn git(folder: &Path, args: &[&str]) -> String {
    let output = command(folder, args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?} in {}: {said}", folder.display());
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]).args(args).current_dir(folder);
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "Somebody").env(format!("GIT_{who}_EMAIL"), "somebody@example.org");
    }
    git
}

pub struct Remote(Folder);

impl Remote {
    /// With one commit on `main`, which has the file `first`.
    pub fn new() -> Remote {
        let remote = Remote(Folder::new());
        remote.git(&["init", "--quiet"]);
        remote.commit("first", "one\n");
        remote
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn url(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(self.0.path(), args)
    }

    /// Writes a file and commits it on the current branch; answers the commit.
    pub fn commit(&self, file: &str, text: &str) -> String {
        let path = self.0.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", "--", file]);
        self.git(&["commit", "--quiet", "-m", &format!("Write {file}")]);
        self.head()
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// As many commits, each of which changes a file, on a new branch.
    pub fn import(&self, branch: &str, commits: usize) {
        let mut stream = String::new();
        for count in 0..commits {
            let text = format!("{count}\n");
            stream += &format!("commit refs/heads/{branch}\ncommitter A <a@b> {} +0000\n", 1_700_000_000 + count);
            stream += &format!("data 2\nx\nM 100644 inline file-{}\ndata {}\n{text}\n", count % 50, text.len());
        }
        let mut import = command(self.0.path(), &["fast-import", "--quiet"]);
        let mut child = import.stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), stream.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Nobody reaches it, until it is brought back.
    pub fn hide(&self) {
        std::fs::rename(self.0.path().join(".git"), self.0.path().join("hidden")).unwrap();
    }

    pub fn show(&self) {
        std::fs::rename(self.0.path().join("hidden"), self.0.path().join(".git")).unwrap();
    }
}
