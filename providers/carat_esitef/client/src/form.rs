//! Forms in UTF-8: what is sent, and what notices are made of (PROTOCOL.md 2.1, 4.1).

use std::fmt::Write as _;

/// The parameters of a form, each name at most once.
#[derive(Debug)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a form: decoded once, in UTF-8. None: it is not that, or it names a parameter twice, of which two readers
    /// may believe different ones.
    pub fn read(body: &[u8]) -> Option<Self> {
        let mut read: Vec<(String, String)> = Vec::new();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = (decoded(&pair[..at])?, decoded(pair.get(at + 1..).unwrap_or_default())?);
            if read.iter().any(|(known, _)| *known == name) {
                return None;
            }
            read.push((name, value));
        }
        Some(Self(read))
    }

    /// A parameter's value, unless it is empty or the text `null`, which stands for what the shop never sent
    /// (PROTOCOL.md 4.2).
    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty() && *value != "null")
    }
}

/// A form's text decoded once; none when it is not percent-encoded UTF-8.
pub fn decoded(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        (rest, _) = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit =
                    |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                (after, bytes.push(digit(high)? * 16 + digit(low)?))
            }
            (b'%', _) => return None,
            (b'+', after) => (after, bytes.push(b' ')),
            (other, after) => (after, bytes.push(*other)),
        };
    }
    String::from_utf8(bytes).ok()
}

/// One parameter as it is sent.
pub fn parameter(name: &str, value: &str) -> String {
    let mut written = String::with_capacity(name.len() + 1 + value.len() * 3);
    written.push_str(name);
    written.push('=');
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                written.push(char::from(byte))
            }
            b' ' => written.push('+'),
            // Writing into a text cannot fail.
            other => drop(write!(written, "%{other:02X}")),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_once_and_its_plus_signs_are_blanks() {
        let form = Form::read(b"status=CON&hash=%2B%2F%3D%3D&mensagem=Aprovada+%C3%A7&nsu=null&vazio=&so")
            .expect("a form");
        assert_eq!(form.value("status"), Some("CON"));
        assert_eq!(form.value("hash"), Some("+/=="));
        assert_eq!(form.value("mensagem"), Some("Aprovada ç"));
        for absent in ["nsu", "vazio", "so", "outro"] {
            assert_eq!(form.value(absent), None, "{absent}");
        }
    }

    #[test]
    fn what_is_no_form_in_utf_8_or_names_a_parameter_twice_is_not_read() {
        let table: [&[u8]; 6] = [
            b"status=CON&status=NEG",
            b"status=CON&%73tatus=CON",
            b"a=%",
            b"a=%2",
            b"a=%zz",
            b"mensagem=Transa%E7%E3o",
        ];
        for body in table {
            assert!(Form::read(body).is_none(), "{}", String::from_utf8_lossy(body));
        }
        assert!(Form::read(b"").is_some());
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["", "{\"a\":\"ñ ç\"}", "++//==", "100%", "a&b=c"] {
            let written = parameter("request", text);
            let (_, value) = written.split_once('=').expect("a value");
            assert_eq!(decoded(value.as_bytes()).as_deref(), Some(text));
        }
    }
}
