//! A server that speaks Conduit as Phorge does: forms over HTTP, pages with a cursor, errors with status 200. It has nothing
//! but services of an Almanac.

use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

pub const TOKEN: &str = "api-abcdefghijklmnopqrstuvwxyz01";

const BAD_TOKEN: &str = include_str!("../../tests/data/error.bad-token.json");

/// An answer that is not what was asked for.
pub enum Trouble {
    /// Status, a header line, body.
    Http(u16, &'static str, String),
    /// The proper answer, of which the second half does not come.
    Truncated,
    /// The status 200 with this code and this text.
    Error(&'static str, &'static str),
}

type Change = Box<dyn FnOnce(&mut Vec<Value>) + Send>;

/// What the server has, and what it does next.
#[derive(Default)]
pub struct State {
    /// As the method gives them; in any order.
    pub services: Vec<Value>,
    /// One for each of the next questions.
    pub troubles: VecDeque<Trouble>,
    /// Made after the next questions, one after each.
    pub changes: VecDeque<Change>,
    /// The forms that came, without the token.
    pub asked: Vec<BTreeMap<String, String>>,
    ended: bool,
}

pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(services: Vec<Value>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(Mutex::new(State { services, ..State::default() }));
        let thread = std::thread::spawn({
            let state = Arc::clone(&state);
            move || {
                for stream in listener.incoming() {
                    if locked(&state).ended {
                        return;
                    }
                    // Who goes away in the middle gets no answer.
                    let _ = stream.and_then(|stream| serve(stream, &state));
                }
            }
        });
        Server { address, state, thread: Some(thread) }
    }

    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state().ended = true;
        // So that it looks up from waiting.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(&stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut form = decoded(&String::from_utf8_lossy(&body));

    let mut state = locked(state);
    let token = form.remove("api.token");
    state.asked.push(form.clone());
    let trouble = state.troubles.pop_front();
    let answer = match (first.split(' ').nth(1), trouble) {
        (_, Some(Trouble::Http(status, header, body))) => (status, header, body, 1),
        (_, Some(Trouble::Error(code, info))) => (200, "", error(code, info), 1),
        (Some("/api/almanac.service.search"), trouble) => {
            let halves = if trouble.is_some() { 2 } else { 1 };
            (200, "content-type: application/json", search(&state.services, token.as_deref(), &form), halves)
        }
        _ => (404, "content-type: text/html", "<!DOCTYPE html>".to_owned(), 1),
    };
    if let Some(change) = state.changes.pop_front() {
        change(&mut state.services);
    }
    drop(state);
    let (status, header, body, halves) = answer;
    let header = if header.is_empty() { "x-nothing: 1" } else { header };
    let sent = body.len() / halves;
    write!(&stream, "HTTP/1.1 {status} -\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    (&stream).write_all(&body.as_bytes()[..sent])
}

fn error(code: &str, info: &str) -> String {
    json!({ "result": null, "error_code": code, "error_info": info }).to_string()
}

/// The page that is asked for, newest first.
fn search(services: &[Value], token: Option<&str>, form: &BTreeMap<String, String>) -> String {
    match token {
        None => return error("ERR-INVALID-SESSION", "Session key is not present."),
        Some(TOKEN) => {}
        Some(_) => return BAD_TOKEN.to_owned(),
    }
    let mut constraints: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, value) in form {
        let Some(key) = key.strip_prefix("constraints[") else { continue };
        constraints.entry(key.split(']').next().unwrap_or_default()).or_default().push(value);
    }
    let fits = |service: &Value, key: &str, values: &[&str]| match key {
        "names" => values.iter().any(|value| service["fields"]["name"] == *value),
        "serviceTypes" => values.iter().any(|value| service["fields"]["serviceType"] == *value),
        _ => values.iter().any(|value| service["phid"] == *value),
    };
    if let Some(none) = constraints.keys().find(|key| !["names", "serviceTypes", "phids"].contains(key)) {
        return error("ERR-CONDUIT-CORE", &format!("Constraint \"{none}\" is not a valid constraint for this query."));
    }

    let after = form.get("after").and_then(|after| after.parse().ok()).unwrap_or(u64::MAX);
    let limit = form.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100);
    let id = |service: &Value| service["id"].as_u64().unwrap_or_default();
    let mut found: Vec<Value> = services.iter().filter(|service| id(service) < after).cloned().collect();
    found.retain(|service| constraints.iter().all(|(key, values)| fits(service, key, values)));
    found.sort_by_key(|service| std::cmp::Reverse(id(service)));
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().map(|last| id(last).to_string());
    for service in &mut found {
        // What is not asked for is not attached; and an empty map is a list.
        let attached = |key: &str| form.contains_key(&format!("attachments[{key}]"));
        if let Some(attachments) = service["attachments"].as_object_mut() {
            attachments.retain(|key, _| attached(key));
            if attachments.is_empty() {
                service["attachments"] = json!([]);
            }
        }
    }
    json!({
        "result": {
            "data": found,
            "maps": {},
            "query": { "queryKey": null },
            "cursor": {
                // It comes back as it was sent.
                "limit": form.get("limit").map_or(json!(100), |limit| json!(limit)),
                "after": last.filter(|_| more),
                "before": form.get("after"),
                "order": null
            }
        },
        "error_code": null,
        "error_info": null
    })
    .to_string()
}

fn decoded(form: &str) -> BTreeMap<String, String> {
    let field = |field: &str| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        (plain(name), plain(value))
    };
    form.split('&').filter(|field| !field.is_empty()).map(field).collect()
}

fn plain(encoded: &str) -> String {
    let mut plain = Vec::new();
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits: String = bytes.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// A service with a number, as the method gives it.
pub fn service(number: u64, name: &str, bindings: Value) -> Value {
    json!({
        "id": number,
        "type": "ASRV",
        "phid": format!("PHID-ASRV-{number}"),
        "fields": { "name": name, "serviceType": "drydock.pool", "dateCreated": 1, "dateModified": 1 },
        "attachments": {
            "bindings": { "bindings": bindings },
            "properties": { "properties": [] },
            "projects": { "projectPHIDs": [] }
        }
    })
}

/// A binding with a number, to a device of the same number.
pub fn binding(number: u64) -> Value {
    json!({
        "id": number,
        "phid": format!("PHID-ABND-{number}"),
        "properties": [],
        "interface": {
            "id": number,
            "phid": format!("PHID-AINT-{number}"),
            "address": format!("192.0.2.{}", number % 250 + 1),
            "port": 22,
            "device": {
                "id": number,
                "phid": format!("PHID-ADEV-{number}"),
                "name": format!("h{number}.example.com"),
                "properties": [],
                "status": "active",
                "disabled": false
            },
            "network": { "id": 1, "phid": "PHID-ANET-1", "name": "lab" }
        },
        "disabled": false
    })
}
