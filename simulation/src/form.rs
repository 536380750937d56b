//! Forms as browsers send them: `application/x-www-form-urlencoded`.

/// Members of a form that are read; the rest is ignored.
const MEMBERS_LIMIT: usize = 64;

/// A form's members, in order.
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
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }
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

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::read(&body);
        }
    }
}
