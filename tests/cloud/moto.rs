//! A moto server, and what stands in front of it: the instances that it makes up have addresses at which nobody is, and get
//! another, at which this machine's SSH server answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// Runs the server until the other end of its input is closed.
const WATCHED: &str = r#""$1" -H 127.0.0.1 -p 0 < /dev/null & moto=$!; cat > /dev/null; kill "$moto""#;

/// What stands before an instance's address, which leads nowhere. All instances are at this machine instead.
const ADDRESS: &str = "privateIpAddress>";

/// A name by which moto knows which service is meant.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 Credential=tester/20260101/eu-central-1/ec2/aws4_request, \
                             SignedHeaders=host, Signature=0";

/// Ways in which a service is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Requests are carried out, and their answers lost.
    Swallows,
    /// It answers that it can't answer.
    Overloaded,
    /// Connections are made, and nothing comes of them until it is over.
    Hangs,
    /// Connections end as soon as something is asked.
    Resets,
    /// No connection is made.
    Refuses,
}

/// What stands in front of the server: how it is, and how many it has met so since it is.
#[derive(Default)]
struct Front {
    state: Mutex<(Option<Outage>, usize)>,
    changed: Condvar,
    launches: Arc<AtomicUsize>,
}

pub struct Moto {
    /// Where what stands in front of it listens.
    pub address: SocketAddr,
    /// How many launches it was asked for.
    pub launches: Arc<AtomicUsize>,
    front: Arc<Front>,
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
        let front = Arc::new(Front::default());
        let launches = Arc::clone(&front.launches);
        let open = Arc::clone(&front);
        thread::spawn(move || open.listen(listener, address, server));
        Moto { address, launches, front, server, _process: process }
    }

    /// Is out in this way from now on, or there again.
    pub fn set_out(&self, how: Option<Outage>) {
        *self.front.state() = (how, 0);
        self.front.changed.notify_all();
        // Whoever waits for a connection sees that.
        drop(TcpStream::connect(self.address));
    }

    /// How many requests have met it as it is now. Of those that were refused nobody knows.
    pub fn met(&self) -> usize {
        self.front.state().1
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

impl Front {
    fn state(&self) -> MutexGuard<'_, (Option<Outage>, usize)> {
        self.state.lock().expect("nobody panics with it")
    }

    /// Whether it is out, and how; counts one more who has met it so.
    fn meet(&self) -> Option<Outage> {
        let mut state = self.state();
        state.1 += 1;
        state.0
    }

    /// Waits until this holds of how it is.
    fn wait_until(&self, holds: impl Fn(Option<Outage>) -> bool) {
        let state = self.state();
        drop(self.changed.wait_while(state, |state| !holds(state.0)).expect("nobody panics with it"));
    }

    fn listen(self: Arc<Front>, mut listener: TcpListener, address: SocketAddr, server: SocketAddr) {
        loop {
            if self.state().0 == Some(Outage::Refuses) {
                drop(listener);
                self.wait_until(|how| how != Some(Outage::Refuses));
                listener = loop {
                    match TcpListener::bind(address) {
                        Ok(listener) => break listener,
                        // Somebody else's connection has the port for a moment.
                        Err(_) => thread::sleep(Duration::from_millis(10)),
                    }
                };
            }
            let Ok((client, _)) = listener.accept() else { continue };
            let front = Arc::clone(&self);
            // A client that gives up gets no answer, and needs none.
            thread::spawn(move || drop(front.pass_on(client, server)));
        }
    }

    fn pass_on(&self, mut client: TcpStream, server: SocketAddr) -> std::io::Result<()> {
        // Of who connects and asks nothing, nothing is counted.
        if client.peek(&mut [0])? == 0 {
            return Ok(());
        }
        match self.meet() {
            // What was sent and is not read makes of this end of the connection a reset.
            Some(Outage::Resets | Outage::Refuses) => return Ok(()),
            Some(Outage::Hangs) => {
                self.wait_until(|how| how.is_none());
                return Ok(());
            }
            Some(Outage::Overloaded) => {
                drop(message(&mut client)?);
                let body = "<Response><Errors><Error><Code>Unavailable</Code><Message>The server is overloaded.\
                            </Message></Error></Errors></Response>";
                client.write_all(ended("HTTP/1.1 503 Service Unavailable", body.len()).as_bytes())?;
                return client.write_all(body.as_bytes());
            }
            None | Some(Outage::Swallows) => {}
        }
        let (head, body) = message(&mut client)?;
        if String::from_utf8_lossy(&body).contains("Action=RunInstances") {
            self.launches.fetch_add(1, Ordering::SeqCst);
        }
        let mut upstream = TcpStream::connect(server)?;
        upstream.write_all(ended(&head, body.len()).as_bytes())?;
        upstream.write_all(&body)?;
        let (head, body) = message(&mut upstream)?;
        // Whatever it is by now: who was on its way when it began gets no answer either.
        if self.state().0.is_some() {
            return Ok(());
        }
        let body = relocated(&String::from_utf8_lossy(&body));
        client.write_all(ended(&head, body.len()).as_bytes())?;
        client.write_all(body.as_bytes())
    }
}
