//! What the acquirer and the issuer say to a payment (PROTOCOL.md 12).

use std::fmt::Write as _;

use simulation::{Timestamp, World};

use crate::codes;
use crate::identifiers;
use crate::instant;

/// This amount, in minor units, is denied by the homologation environment.
pub const DENIED_AMOUNT: u64 = 2_200_000;
/// CA-U45: the acquirer's code of the denied amount.
const DENIED_AMOUNT_CODE: &str = "51";
/// An expired card.
const EXPIRED_CARD_CODE: &str = "54";
/// CA-U45: the code of an issuer that wants a security code.
const CODE_WANTED: &str = "05";
/// Characters of a line of a receipt.
const RECEIPT_COLUMNS: usize = 40;

/// The way to the acquirer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// Through SiTef: approved is `000`, there are SiTef's own numbers and `dataSitef`.
    Sitef,
    /// Past SiTef, by an acquirer's own gateway: approved is `00`, there are a `tid` and `dataEfetivacao`.
    Gateway,
}

/// How a try to pay ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// Approved.
    Approved,
    /// Denied with an acquirer's code.
    Denied(&'static str),
    /// The authorizer could not be reached.
    Failed,
    /// The institution has not said yet; steering decides.
    Pending,
}

impl Course {
    /// A scripted outcome: `approved`, `denied`, `denied:CODE`, `error`, `pending`.
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "approved" => Some(Self::Approved),
            "denied" => Some(Self::Denied(DENIED_AMOUNT_CODE)),
            "error" => Some(Self::Failed),
            "pending" => Some(Self::Pending),
            other => {
                let code = other.strip_prefix("denied:")?;
                DENIALS.iter().find(|known| **known == code).map(|known| Self::Denied(known))
            }
        }
    }

    /// What happens by itself: the amount, the card's expiry and the missing code decide.
    pub fn by_itself(amount: u64, is_expired: bool, lacks_code: bool) -> Self {
        if amount == DENIED_AMOUNT {
            Self::Denied(DENIED_AMOUNT_CODE)
        } else if is_expired {
            Self::Denied(EXPIRED_CARD_CODE)
        } else if lacks_code {
            Self::Denied(CODE_WANTED)
        } else {
            Self::Approved
        }
    }
}

/// Codes with which an issuer denies.
pub const DENIALS: [&str; 8] = ["05", "14", "41", "43", "51", "54", "57", "91"];

/// What is known of a payment once the acquirer has been asked. Of the card it keeps what a receipt shows.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The way that was taken.
    pub routing: Routing,
    /// The acquirer's code.
    pub code: &'static str,
    /// Its sentence.
    pub message: String,
    /// Six digits, when approved.
    pub authorization: Option<String>,
    /// SiTef's number, on its way only.
    pub sitef_usn: Option<String>,
    /// The acquirer's number, with the blanks that it ends in.
    pub host_usn: String,
    /// 40 characters, past SiTef only.
    pub tid: Option<String>,
    /// For the next charge of the same kind, with a stored card.
    pub recurrency_tid: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The first six digits.
    pub bin: String,
    /// The last four digits.
    pub last_four: String,
}

impl Answer {
    /// Made from chance for one try to pay.
    pub fn new(
        course: Course,
        routing: Routing,
        (bin, last_four): (String, String),
        is_stored: bool,
        now: Timestamp,
        world: &mut dyn World,
    ) -> Self {
        let is_approved = course == Course::Approved;
        let code = match course {
            Course::Approved if routing == Routing::Sitef => "000",
            Course::Approved => "00",
            Course::Denied(code) => code,
            Course::Failed | Course::Pending => "91",
        };
        let tid = (routing == Routing::Gateway).then(|| identifiers::digits(world, 40));
        Self {
            routing,
            code,
            message: codes::acquirer_message(code).unwrap_or_default().to_owned(),
            authorization: is_approved.then(|| identifiers::digits(world, 6)),
            sitef_usn: (routing == Routing::Sitef).then(|| identifiers::digits(world, 6)),
            host_usn: format!("{}   ", identifiers::digits(world, 9)),
            recurrency_tid: (is_stored && is_approved).then(|| identifiers::digits(world, 20)),
            tid,
            at: now,
            bin,
            last_four,
        }
    }

    /// The institution has said, at last.
    pub fn decide(&mut self, is_approved: bool, now: Timestamp, world: &mut dyn World) {
        self.code = match (is_approved, self.routing) {
            (true, Routing::Sitef) => "000",
            (true, Routing::Gateway) => "00",
            (false, _) => DENIED_AMOUNT_CODE,
        };
        self.message = codes::acquirer_message(self.code).unwrap_or_default().to_owned();
        self.authorization = is_approved.then(|| identifiers::digits(world, 6));
        self.at = now;
    }

    /// Number and name of the acquirer, and the shop's number there.
    pub fn acquirer(&self) -> (&'static str, &'static str, &'static str) {
        match self.routing {
            Routing::Sitef => ("1005", "Redecard", "000000000000005"),
            Routing::Gateway => ("201", "Cielo e-Commerce", "1006993069"),
        }
    }

    /// A receipt: the payer's, or the shop's with its own line. CA-U46: its lines end with a line break.
    pub fn receipt(&self, brand: &str, amount: u64, nit: &str, is_of_shop: bool) -> String {
        let title = if is_of_shop { "VIA ESTABELECIMENTO" } else { "VIA CLIENTE" };
        let verdict =
            if self.authorization.is_some() { "TRANSAÇÃO APROVADA" } else { "TRANSAÇÃO NÃO APROVADA" };
        let mut text = String::new();
        let lines = [
            "SIMULADOR - SEM VALOR FISCAL".to_owned(),
            format!("{} - {title}", self.acquirer().1),
            brand.to_owned(),
            format!("{}******{}", self.bin, self.last_four),
            format!("VALOR: {}", money(amount)),
            format!("AUTORIZAÇÃO: {}", self.authorization.as_deref().unwrap_or("------")),
            format!("DATA: {}", instant::notice(self.at)),
            format!("NIT: {}...", nit.get(..16).unwrap_or(nit)),
            verdict.to_owned(),
        ];
        for line in lines {
            let line: String = line.chars().take(RECEIPT_COLUMNS).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{line:^RECEIPT_COLUMNS$}");
        }
        text
    }
}

/// Minor units as Brazilians write them: `1.234,56`.
pub fn money(amount: u64) -> String {
    let whole = (amount / 100).to_string();
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    format!("{text},{:02}", amount % 100)
}

/// Minor units as decimal text with two places: `1234.56`.
pub fn decimal(amount: u64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_courses_and_other_words_do_not() {
        assert_eq!(Course::of_word("denied:57"), Some(Course::Denied("57")));
        assert_eq!(Course::of_word("pending"), Some(Course::Pending));
        for word in ["", "paid", "denied:00", "denied:"] {
            assert_eq!(Course::of_word(word), None, "{word}");
        }
        assert!(DENIALS.iter().all(|code| codes::acquirer_message(code).is_some()));
    }

    #[test]
    fn the_amount_the_expiry_and_the_missing_code_decide_in_this_order() {
        assert_eq!(Course::by_itself(DENIED_AMOUNT, true, true), Course::Denied("51"));
        assert_eq!(Course::by_itself(100, true, true), Course::Denied("54"));
        assert_eq!(Course::by_itself(100, false, true), Course::Denied("05"));
        assert_eq!(Course::by_itself(DENIED_AMOUNT - 1, false, false), Course::Approved);
    }

    #[test]
    fn amounts_are_minor_units() {
        assert_eq!((money(8250).as_str(), decimal(8250).as_str()), ("82,50", "82.50"));
        assert_eq!((money(123_456_705).as_str(), decimal(5).as_str()), ("1.234.567,05", "0.05"));
    }
}
