//! A server of a few pages for the browser to visit.

use std::fmt::Write;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The most of a request's body that is read, in bytes.
const BODY_LIMIT: u64 = 16 * 1024;

/// Starts the server on a free port of the loopback address and returns the port.
pub async fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, port));
        }
    });
    port
}

/// A form with every kind of field; the button lies far below the window's edge.
const FORM: &str = r#"<!doctype html><html lang="es"><head><title>Formulario</title></head><body>
<h1>Pago <span>de prueba</span></h1>
<p id="mode">sin programas</p>
<script>document.getElementById("mode").textContent = "con programas";</script>
<form method="post" action="/submit">
<label for="name">Nombre</label><input id="name" name="name" value="antes">
<label for="bank">Banco</label><select id="bank" name="bank">
<option value="" disabled selected>Elija</option><option value="1">Banco Uno</option>
<option value="2" disabled>Banco Dos</option><option value="3">Banco Tres</option></select>
<label><input type="checkbox" id="terms" name="terms" value="yes"> Acepto</label>
<div style="height: 3000px"></div>
<button id="pay">Pagar</button>
<button id="hidden" style="display: none">Nada</button>
</form></body></html>"#;

const BROKEN: &str = r#"<!doctype html><title>Roto</title><img src="/missing.png" alt="">
<script>throw new Error("it does not work");</script>"#;

async fn answer(stream: TcpStream, port: u16) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let target = line.clone();
    let mut words = target.split_whitespace();
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = String::new();
    (&mut stream).take(BODY_LIMIT.min(length)).read_to_string(&mut body).await.ok()?;
    let reply = reply(method, path, &body, port);
    stream.get_mut().write_all(reply.as_bytes()).await.ok()
}

fn reply(method: &str, path: &str, body: &str, port: u16) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match (method, path) {
        ("GET", "/form") => response("200 OK", &[], FORM),
        ("GET", "/broken") => response("200 OK", &[], BROKEN),
        ("POST", "/submit") => {
            let elsewhere = format!("http://elsewhere.localhost:{port}/done?{body}");
            let cookie = "visit=1; Path=/; HttpOnly; SameSite=Lax";
            response("303 See Other", &[("Location", &elsewhere), ("Set-Cookie", cookie)], "")
        }
        ("GET", "/done") => {
            let fields: String = query.split('&').fold(String::new(), |mut list, field| {
                // Writing to a String cannot fail.
                let _ = write!(list, "<li>{field}</li>");
                list
            });
            let page = format!("<!doctype html><title>Listo</title><h1>Listo</h1><ul>{fields}</ul>");
            response("200 OK", &[], &page)
        }
        _ => response("404 Not Found", &[], "<!doctype html><title>Nada</title><h1>Nada</h1>"),
    }
}

fn response(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut response = format!("HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n");
    for (name, value) in headers {
        response += &format!("{name}: {value}\r\n");
    }
    response += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    response
}
