//! The hash that stands for the secret key in an authorization (§3.2), and the ways in which it goes wrong.

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use simulation::Timestamp;

use crate::{lima, to_hex};

/// The four values that are hashed, each as text.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// In decimal.
    pub id_service: &'a str,
    /// As handed over.
    pub access_key: &'a str,
    /// As handed over.
    pub secret_key: &'a str,
    /// The very text of the request's `dateRequest`.
    pub date_request: &'a str,
}

impl Parts<'_> {
    /// Lower-case hexadecimal of SHA-256 over the four, joined by single dots.
    pub fn hash(self) -> String {
        sha256(&self.joined())
    }

    /// What went wrong in a hash that is not [`Parts::hash`], for the log alone.
    pub fn mistake(self, sent: &str) -> &'static str {
        let Self { id_service, access_key, secret_key, date_request } = self;
        let dated = |date: &str| sha256(&[id_service, access_key, secret_key, date].join("."));
        let instant = match lima::read(date_request) {
            Some(lima::Sent::At(at)) => Some(at),
            Some(lima::Sent::NotGiven) | None => None,
        };
        let known: [(String, &'static str); 9] = [
            (
                sha256(&[id_service, access_key, secret_key, date_request].concat()),
                "no dots between the values",
            ),
            (
                sha256(&[access_key, id_service, secret_key, date_request].join(".")),
                "accessKey stands before idService",
            ),
            (dated(&without_colon(date_request)), "the date was hashed with -0500 and sent with -05:00"),
            (instant.map(|at| dated(&in_utc(at))).unwrap_or_default(), "the date was hashed in UTC"),
            (sha256(&format!("{}\n", self.joined())), "a newline at the end was hashed too"),
            (
                to_hex(
                    hmac::sign(
                        &hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes()),
                        self.joined().as_bytes(),
                    )
                    .as_ref(),
                ),
                "an HMAC with secretKey in place of plain SHA-256",
            ),
            (
                STANDARD.encode(digest::digest(&digest::SHA256, self.joined().as_bytes())),
                "base64 in place of hexadecimal",
            ),
            (sha256("idService.accessKey.secretKey.dateRequest"), "the words of the formula were hashed"),
            // PE-U07: refused, although it is the same number.
            (self.hash().to_uppercase(), "hexadecimal in upper case"),
        ];
        known.iter().find(|(hash, _)| hash == sent).map_or("no known mistake", |(_, name)| name)
    }

    fn joined(self) -> String {
        [self.id_service, self.access_key, self.secret_key, self.date_request].join(".")
    }
}

fn sha256(text: &str) -> String {
    to_hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn without_colon(date: &str) -> String {
    match date.len().checked_sub(3).map(|at| (date.get(..at), date.get(at..))) {
        Some((Some(before), Some(after))) => format!("{before}{}", after.trim_start_matches(':')),
        Some(_) | None => date.to_owned(),
    }
}

fn in_utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
