//! A server on loopback that answers in every way that a test needs, and keeps what it was asked.

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Default)]
pub struct Seen {
    asked: Arc<Mutex<Vec<Asked>>>,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

pub struct Server {
    pub port: u16,
    pub seen: Seen,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Server {
    pub async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Seen::default();
        let listening = tokio::spawn({
            let seen = seen.clone();
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, seen.clone()));
                }
            }
        });
        Server { port, seen, listening }
    }

    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A grant for it.
    pub fn grant(&self) -> String {
        format!("http:http://127.0.0.1:{} private", self.port)
    }

    /// A request to it.
    pub fn request(&self, path: &str) -> serde_json::Value {
        json!({ "scheme": "http", "authority": self.authority(), "path": path })
    }
}

impl Seen {
    /// All requests, and begins anew.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// How many connections there are.
    pub fn now(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// How many connections there were at once.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

pub async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Seen) {
    let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
    seen.most.fetch_max(open, Ordering::SeqCst);
    let service = service_fn(|request| {
        let seen = seen.clone();
        async move { Ok::<_, Infallible>(answer(request, &seen).await) }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    seen.open.fetch_sub(1, Ordering::SeqCst);
}

async fn answer(request: Request<Incoming>, seen: &Seen) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default(),
    };
    seen.asked.lock().unwrap().push(asked.clone());
    let full = |bytes: Vec<u8>| Full::new(Bytes::from(bytes)).boxed_unsync();
    let pieces = |pieces: Vec<Vec<u8>>| {
        let frames = stream::iter(pieces).map(|piece| Ok::<_, Infallible>(Frame::data(Bytes::from(piece))));
        StreamBody::new(frames).boxed_unsync()
    };
    let mebibyte = vec![b'x'; 1 << 20];
    match asked.path.as_str() {
        "/echo" => {
            let mut response = Response::new(full(echo(&asked)));
            // What was sent comes back in the headers too, in a value and in a name.
            for (name, value) in &asked.headers {
                let echoed = hyper::header::HeaderName::try_from(format!("x-echo-{name}")).expect("a name");
                let value = hyper::header::HeaderValue::try_from(value.as_str()).expect("a value");
                response.headers_mut().append(echoed, value);
                let words = value_words(&asked);
                for word in words {
                    if let Ok(name) = hyper::header::HeaderName::try_from(format!("x-{word}")) {
                        response.headers_mut().insert(name, hyper::header::HeaderValue::from_static("named"));
                    }
                }
            }
            response
        }
        "/pieces" => Response::new(pieces(echo(&asked).into_iter().map(|byte| vec![byte]).collect())),
        "/redirect" => {
            Response::builder().status(302).header("location", "/echo").body(full(Vec::new())).expect("a response")
        }
        "/big" => Response::new(pieces(vec![mebibyte; 17])),
        "/fits" => Response::new(pieces(vec![mebibyte; 16])),
        "/length" => Response::new(full(mebibyte.repeat(17))),
        "/many" => {
            let mut response = Response::new(full(Vec::new()));
            for n in 0..200 {
                let name = hyper::header::HeaderName::try_from(format!("x-{n}")).expect("a name");
                response.headers_mut().insert(name, hyper::header::HeaderValue::from_static("1"));
            }
            response
        }
        "/wide" => {
            Response::builder().header("x-wide", "w".repeat(100_000)).body(full(Vec::new())).expect("a response")
        }
        "/silent" => std::future::pending().await,
        "/drip" => {
            let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
            Response::new(StreamBody::new(first.chain(stream::pending())).boxed_unsync())
        }
        "/wait" => {
            tokio::time::sleep(Duration::from_millis(150)).await;
            Response::new(full(b"waited".to_vec()))
        }
        "/gzip" => Response::builder().header("content-encoding", "gzip").body(full(echo(&asked))).expect("a response"),
        "/latest/api/token" if asked.method == "PUT" => Response::new(full(b"session-of-the-service".to_vec())),
        path if path.starts_with("/latest/meta-data/iam/security-credentials/") => {
            if asked.header("x-aws-ec2-metadata-token") != Some("session-of-the-service") {
                return Response::builder().status(401).body(full(Vec::new())).expect("a response");
            }
            match path.rsplit('/').next() {
                Some("") => Response::new(full(b"farm\n".to_vec())),
                Some(role) => Response::new(full(super::role::document(role))),
                None => Response::new(full(Vec::new())),
            }
        }
        _ => Response::builder().status(404).body(full(b"nothing here".to_vec())).expect("a response"),
    }
}

/// Everything that was sent, as it is and as JSON.
fn echo(asked: &Asked) -> Vec<u8> {
    let body = String::from_utf8_lossy(&asked.body);
    let plain = format!("{:?}\n{}\n{}\n", asked.headers, asked.query, body);
    let json = json!({ "headers": asked.headers, "query": asked.query, "body": body });
    format!("{plain}{json}").into_bytes()
}

/// Words of the values that were sent, which can be names of headers.
fn value_words(asked: &Asked) -> Vec<String> {
    asked
        .headers
        .iter()
        .flat_map(|(_, value)| value.split(' ').map(str::to_lowercase))
        .filter(|w| w.len() > 8)
        .collect()
}
