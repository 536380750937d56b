//! One connection, kept from request to request. It reads what our own servers answer and no more of HTTP.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 1024 * 1024;

/// A connection to a server, opened when it is first used.
pub struct Connection {
    server: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer.
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
}

/// Where an answer's body stands in what was read.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    body_begins: usize,
    body_ends: usize,
}

impl Connection {
    /// To a server; nothing is opened yet.
    pub fn new(server: SocketAddr) -> Self {
        Self { server, stream: None, buffer: Vec::with_capacity(4096) }
    }

    /// Forgets the stream: the next request opens another.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// When the stream fails, and when the answer is not one whose length is told.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.server).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(head) = head(&self.buffer)? {
                break head;
            }
        };
        while self.buffer.len() < head.body_ends {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.stream = Some(stream);
        Ok(Answer { status: head.status, body: &self.buffer[head.body_begins..head.body_ends] })
    }
}

/// The head of an answer, once it is whole.
fn head(read: &[u8]) -> io::Result<Option<Head>> {
    let unreadable = |reason: &'static str| io::Error::new(io::ErrorKind::InvalidData, reason);
    let Some(ends) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if read.len() > LONGEST { Err(unreadable("an endless head")) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&read[..ends]).map_err(|_| unreadable("a head that is no text"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let status = status.ok_or_else(|| unreadable("no status"))?;
    let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = match length {
        Some(Ok(length)) if length <= LONGEST => length,
        None if status == 204 => 0,
        Some(_) | None => return Err(unreadable("an answer whose length is not told")),
    };
    let body_begins = ends + 4;
    Ok(Some(Head { status, body_begins, body_ends: body_begins + length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_by_its_length() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\ncontent-length: 5\r\n\r\nhello";
        let found = head(answer).expect("readable").expect("whole");
        assert_eq!((found.status, &answer[found.body_begins..found.body_ends]), (201, &b"hello"[..]));
        assert_eq!(head(&answer[..30]).expect("readable"), None);
        let found = head(b"HTTP/1.1 204 No Content\r\n\r\n").expect("readable").expect("whole");
        assert_eq!(found.body_begins, found.body_ends);
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n",
            b"SSH-2.0-server\r\n\r\n",
        ] {
            assert!(head(answer).is_err());
        }
    }

    #[tokio::test]
    async fn a_connection_is_kept() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4];
            for part in [&b"HTTP/1.1 200 OK\r\ncontent-le"[..], b"ngth: 2\r\n\r\no", b"k"] {
                if part.starts_with(b"HTTP") {
                    stream.read_exact(&mut request).await.expect("a request");
                }
                stream.write_all(part).await.expect("written");
                stream.flush().await.expect("flushed");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            stream.read_exact(&mut request).await.expect("a second request");
            stream.write_all(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await.expect("written");
        });
        let mut connection = Connection::new(server);
        let answer = connection.exchange(b"GET1").await.expect("an answer");
        assert_eq!((answer.status, answer.body), (200, &b"ok"[..]));
        assert_eq!(connection.exchange(b"GET2").await.expect("another").status, 503);
    }
}
