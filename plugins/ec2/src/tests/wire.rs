//! HTTP/1.1 as far as the tests need it: one message on a connection, whose length is told.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A request or an answer.
pub struct Message {
    /// The request line or the status line.
    pub first: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn new(first: impl Into<String>, body: impl Into<Vec<u8>>) -> Message {
        Message { first: first.into(), headers: Vec::new(), body: body.into() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Message {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(has, _)| has == name).map(|(_, value)| value.as_str())
    }

    /// Of a status line.
    pub fn status(&self) -> u16 {
        self.first.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn read(stream: &mut TcpStream) -> Result<Message> {
        let broken = |why: &str| Error::new(ErrorKind::UnexpectedEof, why.to_owned());
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte)? == 0 {
                return Err(broken("the connection was closed within a head"));
            }
            head.extend(byte);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let headers: Vec<_> = lines.filter_map(header).collect();
        let mut message = Message { first, headers, body: Vec::new() };
        let length = message.get("content-length").and_then(|length| length.parse().ok());
        message.body = vec![0; length.ok_or_else(|| broken("a message does not tell its length"))?];
        stream.read_exact(&mut message.body)?;
        Ok(message)
    }

    pub fn write(&self, stream: &mut TcpStream) -> Result<()> {
        let mut head = format!("{}\r\n", self.first);
        let own = ["content-length", "connection", "server", "date"];
        for (name, value) in self.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len());
        stream.write_all(&[head.as_bytes(), &self.body].concat())?;
        stream.flush()
    }

    /// Sends a request, and reads the answer.
    pub fn exchange(&self, to: SocketAddr) -> Result<Message> {
        let mut stream = TcpStream::connect(to)?;
        // What hangs for ever fails the test in the end.
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        self.write(&mut stream)?;
        Message::read(&mut stream)
    }
}
