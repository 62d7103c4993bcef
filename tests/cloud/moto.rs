//! A moto server, and what stands in front of it: the instances that it makes up have addresses at which nobody is, and get
//! another, at which this machine's SSH server answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs the server until the other end of its input is closed.
const WATCHED: &str = r#""$1" -H 127.0.0.1 -p 0 < /dev/null & moto=$!; cat > /dev/null; kill "$moto""#;

/// What stands before an instance's address, which leads nowhere. All instances are at this machine instead.
const ADDRESS: &str = "privateIpAddress>";

/// A name by which moto knows which service is meant.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=tester/20260101/eu-central-1/ec2/aws4_request, \
                             SignedHeaders=host, Signature=0";

pub struct Moto {
    /// Where what stands in front of it listens.
    pub address: SocketAddr,
    /// How many launches it was asked for.
    pub launches: Arc<AtomicUsize>,
    server: SocketAddr,
    /// Its input stays open as long as this.
    _process: Child,
}

fn program() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/target/moto/bin/moto_server");
    let program = std::env::var_os("DRYDOCK_MOTO").map_or(made, PathBuf::from);
    assert!(program.is_file(), "there is no moto server at {}; `bash tests/run` installs it", program.display());
    program
}

impl Moto {
    pub fn start() -> Moto {
        let mut sh = Command::new("sh");
        sh.args(["-c", WATCHED, "sh"])
            .arg(program())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = sh.spawn().expect("sh runs");
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        let server = lines.by_ref().find_map(|line| line.split_once("http://")?.1.trim().parse().ok());
        let server: SocketAddr = server.expect("the moto server says where it listens");
        // What it says of each request is read and forgotten, so that it never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let launches = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&launches);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                // A client that gives up gets no answer, and needs none.
                thread::spawn(move || drop(pass_on(client, server, &counted)));
            }
        });
        Moto { address, launches, server, _process: process }
    }

    /// How often this occurs in what it answers to an action.
    pub fn count(&self, action: &str, what: &str) -> usize {
        let body = format!("Action={action}&Version=2016-11-15");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nAuthorization: {AUTHORIZATION}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.server,
            body.len()
        );
        let mut server = TcpStream::connect(self.server).expect("moto answers");
        server.write_all(request.as_bytes()).expect("moto listens");
        let mut answer = String::new();
        server.read_to_string(&mut answer).expect("moto answers in text");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.matches(what).count()
    }

    /// Instances that cost something.
    pub fn instances(&self) -> usize {
        ["running", "pending"]
            .map(|state| self.count("DescribeInstances", &format!("<name>{state}</name>")))
            .iter()
            .sum()
    }

    pub fn addresses(&self) -> usize {
        self.count("DescribeAddresses", "<allocationId>")
    }
}

/// A whole message: its head, and its body as long as the head says, or to the end of the connection.
fn message(from: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(from);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = Vec::new();
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
        }
        None => drop(reader.read_to_end(&mut body)?),
    }
    Ok((head, body))
}

/// The head without what says how long the body is and whether more follows, and with that said anew.
fn ended(head: &str, length: usize) -> String {
    let kept = head.trim_end().lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !["content-length", "connection", "transfer-encoding"].contains(&name.as_str())
    });
    let kept: Vec<&str> = kept.collect();
    format!("{}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n", kept.join("\r\n"))
}

/// An answer with the addresses of instances changed.
fn relocated(body: &str) -> String {
    let mut parts = body.split(ADDRESS);
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_address = part.starts_with(|first: char| first.is_ascii_digit());
        let rest = if is_address { part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.') } else { part };
        changed += ADDRESS;
        changed += if is_address { "127.0.0.1" } else { "" };
        changed += rest;
    }
    changed
}

fn pass_on(mut client: TcpStream, server: SocketAddr, launches: &AtomicUsize) -> std::io::Result<()> {
    let (head, body) = message(&mut client)?;
    if String::from_utf8_lossy(&body).contains("Action=RunInstances") {
        launches.fetch_add(1, Ordering::SeqCst);
    }
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(ended(&head, body.len()).as_bytes())?;
    upstream.write_all(&body)?;
    let (head, body) = message(&mut upstream)?;
    let body = relocated(&String::from_utf8_lossy(&body));
    client.write_all(ended(&head, body.len()).as_bytes())?;
    client.write_all(body.as_bytes())
}
