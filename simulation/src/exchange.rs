//! One request and one reply, as bytes and text, before any meaning is read into them.

/// A request as it arrived on a provider's port.
#[derive(Clone, Debug)]
pub struct Request {
    /// Upper-case method, for example `POST`.
    pub method: String,
    /// Path as sent, still percent-encoded, without the query.
    pub path: String,
    /// Query text after `?`, as sent; empty when there was none.
    pub query: String,
    /// Header names (lower case) and values, in the order in which they arrived.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, at most the sandbox's limit.
    pub body: Vec<u8>,
    /// The address of the peer, for example `127.0.0.1:53122`.
    pub peer: String,
    /// How the peer sees this port: scheme, host and port without a trailing slash
    /// (`http://avalpay.localhost:4051`), for links that the simulator writes.
    pub origin: String,
}

impl Request {
    /// The first value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of one cookie, when the browser sent it.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.header("cookie")?
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }
}

/// What the simulator answers, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// Header names and values, in the order in which they are written.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// A JSON answer; the text is written as given.
    pub fn json(status: u16, text: impl Into<String>) -> Self {
        Self::with_type(status, "application/json", text.into().into_bytes())
    }

    /// An HTML page.
    pub fn html(status: u16, text: impl Into<String>) -> Self {
        Self::with_type(status, "text/html; charset=utf-8", text.into().into_bytes())
    }

    /// A redirect by GET (303) to another address.
    pub fn see_other(location: impl Into<String>) -> Self {
        let mut reply = Self::with_type(303, "text/plain; charset=utf-8", Vec::new());
        reply.headers.push(("location".into(), location.into()));
        reply
    }

    /// Any body with its content type.
    pub fn with_type(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, headers: vec![("content-type".into(), content_type.into())], body }
    }
}
