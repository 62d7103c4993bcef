//! Git's own server behind HTTP, for who logs in.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// It serves as long as the process lives.
pub struct Server {
    pub url: String,
}

impl Server {
    /// Serves the repository with this `.git` to who has the login: what HTTP has after the word `Basic`. The login of each
    /// request, none where there is none, is told to `seen` before the request is answered.
    pub fn start(git: PathBuf, login: String, seen: impl Fn(Option<&str>) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://127.0.0.1:{}/app.git", listener.local_addr().unwrap().port());
        let served = Arc::new((git, login, seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                // A client that gives up gets no answer, and needs none.
                std::thread::spawn(move || drop(serve(stream, &served.0, &served.1, &served.2)));
            }
        });
        Server { url }
    }
}

fn serve(mut stream: TcpStream, git: &Path, login: &str, seen: &impl Fn(Option<&str>)) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut pairs = lines.iter().filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let shown = header("authorization");
    let shown = shown.as_deref().map(|value| value.strip_prefix("Basic ").unwrap_or(value));
    seen(shown);
    if shown != Some(login) {
        return stream.write_all(
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    }
    let mut words = lines[0].split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.strip_prefix("/app.git").unwrap_or_default();
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", method)
        .env("QUERY_STRING", query)
        .env("PATH_TRANSLATED", format!("{}{path}", git.display()))
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    backend.stdin.take().expect("it is piped").write_all(&body)?;
    let answer = backend.wait_with_output()?.stdout;
    stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")?;
    stream.write_all(&answer)
}
