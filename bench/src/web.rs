//! Single requests, before and between measurements.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The body of a page.
///
/// # Errors
/// When the server does not answer, or not with a success.
pub fn get(server: SocketAddr, path: &str) -> anyhow::Result<String> {
    ask(server, &format!("GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n"))
}

/// Posts JSON with further headers, each of which ends its line.
///
/// # Errors
/// When the server does not answer, or not with a success.
pub fn post(server: SocketAddr, path: &str, headers: &str, body: &str) -> anyhow::Result<String> {
    let length = body.len();
    ask(
        server,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n{body}"
        ),
    )
}

/// Waits until a page is there.
///
/// # Errors
/// What the last look said, when patience is over.
pub fn until_answered(server: SocketAddr, path: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        match get(server, path) {
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

fn ask(server: SocketAddr, request: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(server).with_context(|| format!("nobody listens at {server}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    if !head.starts_with("HTTP/1.1 2") {
        bail!("{}: {body}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}
