//! Pure changes to answers and notices, as hardships ask for them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use simulation::Reply;
use simulation::strict_json::{self, Value};

/// The web page that a broken gateway in front of a provider would send.
const HTML_PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>Service unavailable</title></head>\
<body><h1>Service unavailable</h1><p>A simulated fault of a volatile sandbox.</p></body></html>";

/// An answer of another status, written by the fault itself.
pub fn other_status(status: u16, retry_after: Option<u32>) -> Reply {
    let text = format!("Simulated fault: HTTP {status}").into_bytes();
    let mut reply = Reply::with_type(status, "text/plain; charset=utf-8", text);
    if let Some(seconds) = retry_after {
        reply.headers.push(("retry-after".into(), seconds.to_string()));
    }
    reply
}

/// A web page in place of the answer.
pub fn html_page() -> Reply {
    Reply::html(200, HTML_PAGE)
}

/// The answer with its own status and headers and another body.
pub fn with_body(reply: &Reply, body: Vec<u8>) -> Reply {
    Reply { body, ..reply.clone() }
}

/// The answer with every scalar of another JSON type; unchanged when it is no JSON.
pub fn wrong_types(reply: &Reply) -> Reply {
    match strict_json::parse(&reply.body) {
        Ok(value) => with_body(reply, other_types(value).to_text().into_bytes()),
        Err(_) => reply.clone(),
    }
}

/// A body with one member changed, JSON or form; unchanged when it is neither or has no such place.
pub fn tampered(body: &[u8], member: &str, value: &serde_json::Value) -> Vec<u8> {
    let Ok(mut tree) = strict_json::parse(body) else { return tampered_form(body, member, value) };
    let steps: Vec<&str> = member.split('.').collect();
    if !tampered_token(&mut tree, &steps, value) {
        put(&mut tree, &steps, value);
    }
    tree.to_text().into_bytes()
}

fn put(tree: &mut Value, steps: &[&str], value: &serde_json::Value) {
    let Some((last, parents)) = steps.split_last() else { return };
    if let Some(place) = tree.at_mut(steps) {
        *place = value.into();
    } else if let Some(parent) = tree.at_mut(parents) {
        parent.set(last, value.into());
    }
}

/// A place beyond a text that is a signed token (`header.claims.signature`) is one among its claims; header and
/// signature stay. Answers whether there was such a token.
fn tampered_token(tree: &mut Value, steps: &[&str], value: &serde_json::Value) -> bool {
    for (at, _) in steps.iter().enumerate().skip(1) {
        let Some(Value::Text(token)) = tree.at_mut(&steps[..at]) else { continue };
        let Some((header, claims, signature)) = parts_of_token(token) else { continue };
        let Some(mut claims) =
            URL_SAFE_NO_PAD.decode(claims).ok().and_then(|text| strict_json::parse(&text).ok())
        else {
            continue;
        };
        put(&mut claims, &steps[at..], value);
        *token = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_text()));
        return true;
    }
    false
}

fn parts_of_token(token: &str) -> Option<(&str, &str, &str)> {
    let (header, rest) = token.split_once('.')?;
    let (claims, signature) = rest.split_once('.')?;
    let begins_as_object = header.starts_with("ey") && claims.starts_with("ey");
    (begins_as_object && !signature.contains('.')).then_some((header, claims, signature))
}

/// Replaces the signature in a body's member `signature`, or else in a member that is a signed token, or
/// else in a header named after one, by a wrong one of the same form.
pub fn forge_signature(headers: &mut [(String, String)], body: &mut Vec<u8>) {
    if let Ok(mut tree) = strict_json::parse(body)
        && (forge_member(&mut tree) || forge_token(&mut tree))
    {
        *body = tree.to_text().into_bytes();
        return;
    }
    for (name, value) in headers {
        if name.to_ascii_lowercase().contains("signature") {
            *value = forged(value);
        }
    }
}

fn forge_member(tree: &mut Value) -> bool {
    let Some(Value::Text(signature)) = tree.at_mut(&["signature"]) else { return false };
    *signature = forged(signature);
    true
}

fn forge_token(tree: &mut Value) -> bool {
    let Value::Object(members) = tree else { return false };
    for (_, member) in members {
        if let Value::Text(token) = member
            && let Some((header, claims, signature)) = parts_of_token(token)
        {
            *token = format!("{header}.{claims}.{}", forged(signature));
            return true;
        }
    }
    false
}

/// The status that a notice tells: the member `status`, or `status` within it; or the form field.
pub fn status_in(body: &[u8]) -> Option<String> {
    match strict_json::parse(body) {
        Ok(tree) => {
            let status = tree.get("status")?;
            status.as_str().or_else(|| status.get("status")?.as_str()).map(str::to_owned)
        }
        Err(_) => form_pairs(body).find(|(name, _)| name == "status").map(|(_, value)| value),
    }
}

fn other_types(value: Value) -> Value {
    match value {
        Value::Null => Value::from(0_i64),
        Value::Bool(truth) => Value::text(truth.to_string()),
        Value::Number(digits) => Value::Text(digits),
        Value::Text(text) => Value::from(text.chars().count() as u64),
        Value::Array(items) => Value::array(items.into_iter().map(other_types)),
        Value::Object(members) => {
            Value::object(members.into_iter().map(|(key, member)| (key, other_types(member))))
        }
    }
}

fn tampered_form(body: &[u8], member: &str, value: &serde_json::Value) -> Vec<u8> {
    if !form_pairs(body).any(|(name, _)| name == member) {
        return body.to_vec();
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, present) in form_pairs(body) {
        let written = if name == member { &text } else { &present };
        form.append_pair(&name, written);
    }
    form.finish().into_bytes()
}

fn form_pairs(body: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    url::form_urlencoded::parse(body).into_owned()
}

/// Moves every letter and digit behind the last `:` or `=` one on, within hexadecimal where it was.
/// Trailing `=` (base64's padding) stay.
fn forged(signature: &str) -> String {
    let core = signature.trim_end_matches('=');
    let start = core.rfind([':', '=']).map_or(0, |at| at + 1);
    let moved: String = core[start..]
        .chars()
        .map(|c| match c {
            '9' => '0',
            'f' => 'a',
            'F' => 'A',
            'z' => 'g',
            'Z' => 'G',
            '0'..='8' | 'a'..='e' | 'A'..='E' | 'g'..='y' | 'G'..='Y' => char::from(c as u8 + 1),
            other => other,
        })
        .collect();
    format!("{}{moved}{}", &core[..start], &signature[core.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scalar_changes_its_type_and_the_shape_stays() {
        let reply = Reply::json(200, r#"{"a":1.50,"b":"xy","c":[true,null],"d":{"e":"é"}}"#);
        assert_eq!(wrong_types(&reply).body, r#"{"a":"1.50","b":2,"c":["true",0],"d":{"e":1}}"#.as_bytes());
        assert_eq!(wrong_types(&html_page()), html_page());
    }

    #[test]
    fn one_member_is_tampered_with_and_the_rest_stays() {
        let body = br#"{"requestId":7,"status":{"status":"APPROVED","date":"x"},"list":[1,2]}"#;
        let text = |member: &str, value: serde_json::Value| {
            String::from_utf8(tampered(body, member, &value)).expect("text")
        };
        assert_eq!(
            text("status.status", "REJECTED".into()),
            r#"{"requestId":7,"status":{"status":"REJECTED","date":"x"},"list":[1,2]}"#
        );
        assert!(text("list.1", 9.into()).ends_with("[1,9]}"));
        assert!(text("new", true.into()).ends_with(",\"new\":true}"));
        assert_eq!(tampered(b"a=1&b=2", "b", &"x y".into()), b"a=1&b=x+y");
        assert_eq!(tampered(b"plain", "b", &"x".into()), b"plain");
    }

    #[test]
    fn a_forged_signature_keeps_its_form_and_is_wrong_everywhere() {
        let mut body = br#"{"a":1,"signature":"sha256:09af"}"#.to_vec();
        forge_signature(&mut [], &mut body);
        assert_eq!(body, br#"{"a":1,"signature":"sha256:10ba"}"#);

        let mut headers = [("X-Signature".to_owned(), "v1=9zZ+/Q==".to_owned()), ("x".into(), "1".into())];
        let mut body = b"a=1".to_vec();
        forge_signature(&mut headers, &mut body);
        assert_eq!(headers[0].1, "v1=0gG+/R==");
        assert_eq!(headers[1].1, "1");
    }

    #[test]
    fn a_signed_token_is_tampered_with_inside_and_forged_at_its_end() {
        let token = |claims: &str, signature: &str| {
            format!("eyJhbGciOiJIUzI1NiJ9.{}.{signature}", URL_SAFE_NO_PAD.encode(claims))
        };
        let body = |token: String| format!(r#"{{"payment":"{token}"}}"#).into_bytes();
        let sent = body(token(r#"{"amount":10,"status":"error"}"#, "09zZ"));
        assert_eq!(
            tampered(&sent, "payment.status", &"success".into()),
            body(token(r#"{"amount":10,"status":"success"}"#, "09zZ"))
        );
        assert_eq!(tampered(&sent, "payment", &"x".into()), br#"{"payment":"x"}"#);
        let mut forged = sent.clone();
        forge_signature(&mut [], &mut forged);
        assert_eq!(forged, body(token(r#"{"amount":10,"status":"error"}"#, "10gG")));
    }

    #[test]
    fn the_status_is_found_in_the_usual_places() {
        assert_eq!(status_in(br#"{"status":"PAID"}"#).as_deref(), Some("PAID"));
        assert_eq!(status_in(br#"{"status":{"status":"APPROVED"}}"#).as_deref(), Some("APPROVED"));
        assert_eq!(status_in(b"nit=1&status=CON").as_deref(), Some("CON"));
        assert_eq!(status_in(b"[]"), None);
    }
}
