//! One connection to one address, for one request.

use crate::origin::{Host, Origin, Scheme};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};

/// For an address to answer and to agree on TLS.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// Headers of a response, and the bytes that they may have together. What reads them stops somewhere beyond that.
const HEADERS: usize = 128;
pub(super) const HEADER_BYTES: usize = 64 << 10;

/// Why there is no answer. The text is for the log: it is not the guest's.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("none of its addresses answers: {0}")]
    Connect(io::Error),
    #[error("its certificate is not trusted: {0}")]
    Certificate(rustls::Error),
    #[error("there is no TLS with it: {0}")]
    Tls(io::Error),
    #[error("there is no HTTP with it: {0}")]
    Http(hyper::Error),
    #[error("it did not answer in time")]
    Slow,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Moves the bytes; dropped, it closes the connection.
    task: AbortOnDropJoinHandle<()>,
}

impl Connection {
    /// To exactly one of these addresses: no name is looked up.
    pub(super) async fn open(
        tls: &Arc<ClientConfig>,
        origin: &Origin,
        addresses: &[IpAddr],
        within: Duration,
    ) -> Result<Connection, Failed> {
        match tokio::time::timeout(within, connect(tls, origin, addresses)).await {
            Ok(connected) => connected,
            Err(_) => Err(Failed::Slow),
        }
    }

    /// Sends the request, and gives the response with what keeps its body coming. No redirect is followed.
    pub(super) async fn send(
        mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, AbortOnDropJoinHandle<()>), Failed> {
        let response = self.sender.send_request(request).await.map_err(Failed::Http)?;
        Ok((response, self.task))
    }
}

async fn connect(tls: &Arc<ClientConfig>, origin: &Origin, addresses: &[IpAddr]) -> Result<Connection, Failed> {
    let tcp = reach(origin.port, addresses).await.map_err(Failed::Connect)?;
    // A request is written at once; waiting for more gains nothing.
    let _ = tcp.set_nodelay(true);
    let stream: Box<dyn Stream> = match origin.scheme {
        Scheme::Http => Box::new(tcp),
        Scheme::Https => {
            let connected = TlsConnector::from(tls.clone()).connect(server_name(&origin.host)?, tcp).await;
            Box::new(connected.map_err(of_tls)?)
        }
    };
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADERS).max_buf_size(HEADER_BYTES);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(Failed::Http)?;
    let task = spawn(async move {
        // What goes wrong on it is told by the response or its body.
        let _ = connection.await;
    });
    Ok(Connection { sender, task })
}

async fn reach(port: u16, addresses: &[IpAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "it has no address");
    for (index, address) in addresses.iter().enumerate() {
        // One that is silent leaves time for those after it.
        let share = CONNECT / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match tokio::time::timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "it is silent"),
        }
    }
    Err(last)
}

fn server_name(host: &Host) -> Result<ServerName<'static>, Failed> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|error| Failed::Tls(io::Error::new(io::ErrorKind::InvalidInput, error))),
    }
}

fn of_tls(error: io::Error) -> Failed {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(certificate @ rustls::Error::InvalidCertificate(_)) => Failed::Certificate(certificate.clone()),
        _ => Failed::Tls(error),
    }
}
