//! Forms and queries as browsers and servers send them: `application/x-www-form-urlencoded`.

use zeroize::Zeroize;

/// Members of a form that are read; the rest is ignored.
const MEMBERS_LIMIT: usize = 64;

/// A form's members, in order; wiped from memory when dropped, since a card may be among them.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body. Broken escapes stay as they are, broken UTF-8 becomes replacement characters.
    pub fn read(body: &[u8]) -> Self {
        let members = body.split(|byte| *byte == b'&').take(MEMBERS_LIMIT).filter(|pair| !pair.is_empty());
        Self(
            members
                .map(|pair| {
                    let mut halves = pair.splitn(2, |byte| *byte == b'=');
                    let name = decode(halves.next().unwrap_or_default());
                    (name, decode(halves.next().unwrap_or_default()))
                })
                .collect(),
        )
    }

    /// The first value of a member, without blanks around it; empty when it is absent.
    pub fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default().trim()
    }

    /// The first value of a member as it was sent, when it is there.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

/// Writes a form: a blank as a plus sign, everything but letters, digits and `*-._` escaped.
pub fn write<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = members.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Undoes percent encoding only, as in a path, where a plus sign is one.
pub fn decode_path(text: &str) -> String {
    decode(text.replace('+', "%2B").as_bytes())
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| match (digits, *first) {
            ([high, low], b'%') => Some(nibble(*high)? * 16 + nibble(*low)?),
            _ => None,
        });
        match (escaped, *first) {
            (Some(byte), _) => {
                bytes.push(byte);
                rest = &after[2..];
                continue;
            }
            (None, b'+') => bytes.push(b' '),
            (None, plain) => bytes.push(plain),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_plus_signs_are_read() {
        let form =
            Form::read("name=Mar%C3%ADa+Jos%c3%a9&email=a%40b.example&empty=&broken=%4&flag".as_bytes());
        assert_eq!(form.get("name"), "María José");
        assert_eq!(form.get("email"), "a@b.example");
        assert_eq!(form.get("broken"), "%4");
        assert_eq!((form.get("empty"), form.get("flag"), form.get("absent")), ("", "", ""));
    }

    #[test]
    fn base64_survives_being_written_and_read_once() {
        let text = write([("hash", "a+b/c=="), ("mensagem", "Transação aprovada")]);
        assert_eq!(text, "hash=a%2Bb%2Fc%3D%3D&mensagem=Transa%C3%A7%C3%A3o+aprovada");
        let form = Form::read(text.as_bytes());
        assert_eq!((form.get("hash"), form.get("mensagem")), ("a+b/c==", "Transação aprovada"));
        assert_eq!((form.find("none"), form.get("none")), (None, ""));
        assert_eq!(decode_path("a+b%2Fc%3D"), "a+b/c=");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(text in ".{0,40}") {
            let written = write([("a", text.as_str())]);
            let form = Form::read(written.as_bytes());
            prop_assert_eq!(form.find("a"), Some(text.as_str()));
        }

        #[test]
        fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::read(&body);
        }
    }
}
