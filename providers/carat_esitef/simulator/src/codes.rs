//! Response codes of the portal and of acquirers, read from their tables (PROTOCOL.md 11).

const PORTAL: &str = include_str!("../data/response_codes.tsv");
const ACQUIRERS: &str = include_str!("../data/acquirer_codes.tsv");

/// A code of `responseCode` (HTML) and `code` (REST). 0 means success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(pub u16);

impl Code {
    /// Success.
    pub const OK: Self = Self(0);
    /// The `nit` is malformed.
    pub const NIT_INVALID: Self = Self(3);
    /// The `request` is there and empty.
    pub const EMPTY_REQUEST: Self = Self(2);
    /// No authorizer where one is needed.
    pub const AUTHORIZER_MISSING: Self = Self(4);
    /// CA-U57: an authorizer that the shop does not have, or that nobody knows.
    pub const AUTHORIZER_INVALID: Self = Self(5);
    /// No expiry of the card.
    pub const EXPIRY_MISSING: Self = Self(8);
    /// No expiry `MMYY`.
    pub const EXPIRY_INVALID: Self = Self(9);
    /// No card number.
    pub const NUMBER_MISSING: Self = Self(10);
    /// No card number by its form.
    pub const NUMBER_INVALID: Self = Self(11);
    /// No security code where one is needed.
    pub const SECURITY_CODE_MISSING: Self = Self(12);
    /// No security code by its form.
    pub const SECURITY_CODE_INVALID: Self = Self(13);
    /// `installments`
    pub const INSTALLMENTS_INVALID: Self = Self(15);
    /// `installment_type`
    pub const INSTALLMENT_TYPE_INVALID: Self = Self(17);
    /// `customer_id` of a stored card.
    pub const CUSTOMER_MISSING: Self = Self(18);
    /// `customer_id` of a stored card.
    pub const CUSTOMER_INVALID: Self = Self(19);
    /// `soft_descriptor`
    pub const SOFT_DESCRIPTOR_INVALID: Self = Self(25);
    /// No `merchant_key`.
    pub const KEY_MISSING: Self = Self(26);
    /// A wrong `merchant_key`.
    pub const KEY_INVALID: Self = Self(27);
    /// No `merchant_id`.
    pub const MERCHANT_MISSING: Self = Self(30);
    /// An unknown or malformed `merchant_id`.
    pub const MERCHANT_INVALID: Self = Self(31);
    /// No amount.
    pub const AMOUNT_MISSING: Self = Self(32);
    /// No amount by its form, nothing, or more than there is.
    pub const AMOUNT_INVALID: Self = Self(33);
    /// No `esitef_usn`.
    pub const USN_MISSING: Self = Self(34);
    /// An `esitef_usn` of another form.
    pub const USN_INVALID: Self = Self(35);
    /// `merchant_usn`
    pub const MERCHANT_USN_INVALID: Self = Self(37);
    /// `order_id`
    pub const ORDER_INVALID: Self = Self(38);
    /// CA-U52: a member that has no code of its own.
    pub const PARAMETER_INVALID: Self = Self(39);
    /// A member without a code of its own is missing.
    pub const PARAMETER_MISSING: Self = Self(40);
    /// There is no `request`.
    pub const JSON_MISSING: Self = Self(42);
    /// The JSON is broken.
    pub const JSON_INVALID: Self = Self(43);
    /// An address is none.
    pub const URL_INVALID: Self = Self(46);
    /// `redirect`
    pub const REDIRECT_INVALID: Self = Self(47);
    /// No hash of a stored card.
    pub const HASH_MISSING: Self = Self(48);
    /// A stored card that is unknown, somebody else's, inactive or gone.
    pub const HASH_INVALID: Self = Self(49);
    /// No `confirm`.
    pub const CONFIRM_MISSING: Self = Self(56);
    /// `confirm` is neither `true` nor `false`.
    pub const CONFIRM_INVALID: Self = Self(57);
    /// `additional_data`
    pub const ADDITIONAL_DATA_INVALID: Self = Self(63);
    /// Number and token in one card.
    pub const NUMBER_AND_TOKEN: Self = Self(73);
    /// `store_card`
    pub const STORE_CARD_INVALID: Self = Self(77);
    /// No `store_identification` where a card is to be kept.
    pub const STORE_IDENTIFICATION_MISSING: Self = Self(78);
    /// `store_identification` of another form.
    pub const STORE_IDENTIFICATION_INVALID: Self = Self(83);
    /// The transaction is unknown, or another shop's.
    pub const NOT_FOUND: Self = Self(82);
    /// Cards of this authorizer are not kept.
    pub const STORAGE_NOT_ALLOWED: Self = Self(84);
    /// The number is none that is taken here.
    pub const CARD_INVALID: Self = Self(88);
    /// Communication with the authorizer failed.
    pub const PAYING_FAILED: Self = Self(100);
    /// Paid once already.
    pub const FINISHED: Self = Self(102);
    /// `transaction_type`
    pub const TYPE_INVALID: Self = Self(103);
    /// The shop may not do this.
    pub const NO_PERMISSION: Self = Self(106);
    /// Not in this status.
    pub const WRONG_STATUS: Self = Self(107);
    /// More instalments than the shop's limit.
    pub const TOO_MANY_INSTALLMENTS: Self = Self(109);
    /// The shop is switched off.
    pub const SHOP_INACTIVE: Self = Self(110);
    /// Blocked after too many cards.
    pub const BLOCKED: Self = Self(114);
    /// The authenticity check failed, or the payment cannot be cancelled.
    pub const AUTHENTICITY: Self = Self(115);
    /// The `request` is no object.
    pub const MALFORMED: Self = Self(132);
    /// An operation that there is not, or a key used for another body.
    pub const INVALID_OPERATION: Self = Self(137);
    /// The card is of another authorizer than the one chosen.
    pub const OTHER_AUTHORIZER: Self = Self(143);
    /// The issuer denied.
    pub const DENIED: Self = Self(255);
    /// A reversal that waits.
    pub const REVERSAL_PENDING: Self = Self(256);
    /// A reversal that was denied.
    pub const REVERSAL_DENIED: Self = Self(257);
    /// The card is not the one that paid.
    pub const OTHER_CARD: Self = Self(301);
    /// The acquirer could not be reached.
    pub const COMMUNICATION: Self = Self(302);
    /// Something that should not be, a full memory among it.
    pub const UNEXPECTED: Self = Self(1000);

    /// The sentence that goes with the code.
    pub fn message(self) -> &'static str {
        find(PORTAL, &self.0.to_string()).unwrap_or("Unexpected error")
    }
}

/// The sentence of an acquirer's code; `None` for a code that is not in the table.
pub fn acquirer_message(code: &str) -> Option<&'static str> {
    find(ACQUIRERS, code)
}

/// Code and sentence of every portal code that is answered here.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows(PORTAL)
}

fn find(table: &'static str, code: &str) -> Option<&'static str> {
    rows(table).find(|(known, _)| *known == code).map(|(_, message)| message)
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter(|line| !line.starts_with('#')).skip(1).filter_map(|line| line.split_once('\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_tables_has_a_sentence_and_comes_once() {
        for table in [PORTAL, ACQUIRERS] {
            let mut codes: Vec<_> = rows(table).map(|(code, _)| code).collect();
            assert!(rows(table).all(|(_, message)| !message.is_empty()));
            let count = codes.len();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), count);
        }
        assert_eq!(Code::OK.message(), "OK. Transaction successful.");
        assert_eq!(acquirer_message("51"), Some("Saldo insuficiente"));
        assert_eq!(acquirer_message("zz"), None);
    }
}
