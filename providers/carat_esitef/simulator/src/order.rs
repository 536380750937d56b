//! What a shop asks for when it creates a transaction, read as the portal reads it (PROTOCOL.md 2, 9.1).
//!
//! CA-U08: members that nobody knows are ignored; CA-U13: an address for notices inside a request is one of them.

use simulation::strict_json::Value;

use crate::account::{Profile, Settings, is_web_address};
use crate::authorizers::Authorizer;
use crate::codes::Code;

/// Digits of an amount, and of the shop's number.
const NUMBER_LIMIT: usize = 12;
/// Characters of an order's and of a customer's identifier. CA-U51: a longer order is refused.
const IDENTIFIER_LIMIT: usize = 20;
/// Characters of the text on a card statement.
const SOFT_DESCRIPTOR_LIMIT: usize = 25;
/// Characters of an address.
const ADDRESS_LIMIT: usize = 1_024;
/// The currency of a shop that names none.
const CURRENCY: &str = "BRL";

/// What kind of transaction is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `payment`
    Payment,
    /// `preauthorization`
    PreAuthorization,
}

/// How the payer comes back to the shop. CA-U07: `A` by itself, `M` by a link; CA-U43: by itself when nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// `A`
    Automatic,
    /// `M`
    ByLink,
}

/// How instalments are financed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Financing {
    /// 3: with the issuer's interest.
    Interest,
    /// 4: without interest.
    Plain,
    /// 6: with interest, airlines.
    AirlineInterest,
    /// 7: without interest, airlines.
    AirlinePlain,
}

impl Financing {
    const ALL: [Self; 4] = [Self::Interest, Self::Plain, Self::AirlineInterest, Self::AirlinePlain];

    /// The digit.
    pub fn word(self) -> &'static str {
        match self {
            Self::Interest => "3",
            Self::Plain => "4",
            Self::AirlineInterest => "6",
            Self::AirlinePlain => "7",
        }
    }

    /// The financing of a digit.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|financing| financing.word() == word)
    }
}

/// A transaction as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Payment or pre-authorization.
    pub kind: Type,
    /// Minor units.
    pub amount: u64,
    /// ISO 4217.
    pub currency: String,
    /// The shop's order.
    pub order_id: Option<String>,
    /// CA-U06: the shop's number, by one name in both interfaces.
    pub merchant_usn: Option<String>,
    /// Number of instalments.
    pub installments: Option<u8>,
    /// How they are financed.
    pub financing: Option<Financing>,
    /// The brand, when the shop has chosen it.
    pub authorizer: Option<&'static Authorizer>,
    /// Whose card is to be kept; `None` when none is.
    pub keep_for: Option<String>,
    /// The payer's tax number.
    pub identification: Option<String>,
    /// Text on the statement.
    pub soft_descriptor: Option<String>,
    /// Whether the shop confirms later.
    pub is_confirmed_later: bool,
    /// Instalments offered with interest.
    pub max_installments: Option<u8>,
    /// `CRD`, `DBT`: what the page offers; everything when empty.
    pub methods: Vec<String>,
    /// Where the payer goes back to: success, failure, cancel.
    pub back: [Option<String>; 3],
    /// How.
    pub way_back: Return,
}

impl Order {
    /// Reads a request that creates a transaction. CA-U23: only the amount must be there.
    pub fn read(request: &Value, settings: &Settings) -> Result<Self, Code> {
        let reader = Reader { request, settings };
        reader.read()
    }

    /// Whether the authorizer may be paid with by these methods.
    pub fn takes(&self, authorizer: &Authorizer) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|method| method == authorizer.kind.method())
    }
}

/// The text of a scalar. Booleans and numbers are read as they would be written, but not where the rule book is
/// read to the letter.
pub fn text(value: &Value, profile: Profile) -> Option<String> {
    match (value, profile) {
        (Value::Text(text), _) => Some(text.clone()),
        (Value::Number(digits), Profile::Docs) => Some(digits.clone()),
        (Value::Bool(truth), Profile::Docs) => Some(truth.to_string()),
        (Value::Number(_) | Value::Bool(_), Profile::Guide) => None,
        (Value::Null | Value::Array(_) | Value::Object(_), _) => None,
    }
}

/// A member under a path as text; `null` counts as absent, and what is no text as the refusal `code`.
pub fn text_at(
    request: &Value,
    path: &[&str],
    code: Code,
    settings: &Settings,
) -> Result<Option<String>, Code> {
    match request.at(path).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => text(value, settings.profile).map(Some).ok_or(code),
    }
}

/// An amount in minor units, greater than nothing.
pub fn amount(text: &str, settings: &Settings) -> Option<u64> {
    let amount = digits(text, settings.longest(NUMBER_LIMIT))?;
    (amount > 0).then_some(amount)
}

/// The shop's number: digits only.
pub fn is_merchant_usn(text: &str, settings: &Settings) -> bool {
    digits(text, settings.longest(NUMBER_LIMIT)).is_some()
}

/// A customer's identifier: letters, digits and what shops put between them.
pub fn is_customer(text: &str, settings: &Settings) -> bool {
    (1..=settings.longest(IDENTIFIER_LIMIT)).contains(&text.chars().count())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn digits(text: &str, limit: usize) -> Option<u64> {
    let is_number = (1..=limit).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

struct Reader<'a> {
    request: &'a Value,
    settings: &'a Settings,
}

impl Reader<'_> {
    fn read(&self) -> Result<Order, Code> {
        let amount = self.text(&["amount"], Code::AMOUNT_INVALID)?.ok_or(Code::AMOUNT_MISSING)?;
        let amount = amount_of(&amount, self.settings)?;
        self.judge_additional_data()?;
        let authorizer = self.authorizer()?;
        Ok(Order {
            kind: self.kind()?,
            amount,
            currency: self.currency()?,
            order_id: self.order_id()?,
            merchant_usn: self.checked(&["merchant_usn"], Code::MERCHANT_USN_INVALID, is_merchant_usn)?,
            installments: self.installments()?,
            financing: self.financing()?,
            authorizer,
            keep_for: self.keep_for(authorizer)?,
            identification: self
                .text(&["additional_data", "payer", "identification_number"], Code::PARAMETER_INVALID)?,
            soft_descriptor: self.checked(
                &["soft_descriptor"],
                Code::SOFT_DESCRIPTOR_INVALID,
                |text, settings| text.chars().count() <= settings.longest(SOFT_DESCRIPTOR_LIMIT),
            )?,
            is_confirmed_later: self
                .truth(&["additional_data", "postpone_confirmation"], Code::PARAMETER_INVALID)?
                .unwrap_or(false),
            max_installments: self.small_number(
                &["additional_data", "max_installments_with_interest"],
                Code::INSTALLMENTS_INVALID,
            )?,
            methods: self.methods()?,
            back: [self.address("url_success")?, self.address("url_failure")?, self.address("url_cancel")?],
            way_back: self.way_back()?,
        })
    }

    fn text(&self, path: &[&str], code: Code) -> Result<Option<String>, Code> {
        text_at(self.request, path, code, self.settings)
    }

    fn checked(
        &self,
        path: &[&str],
        code: Code,
        is_right: impl Fn(&str, &Settings) -> bool,
    ) -> Result<Option<String>, Code> {
        match self.text(path, code)? {
            Some(text) if is_right(&text, self.settings) => Ok(Some(text)),
            Some(_) => Err(code),
            None => Ok(None),
        }
    }

    fn truth(&self, path: &[&str], code: Code) -> Result<Option<bool>, Code> {
        match self.text(path, code)?.as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(code),
        }
    }

    fn small_number(&self, path: &[&str], code: Code) -> Result<Option<u8>, Code> {
        let Some(text) = self.text(path, code)? else { return Ok(None) };
        let number = digits(&text, 2).and_then(|number| u8::try_from(number).ok());
        number.filter(|number| *number > 0).map(Some).ok_or(code)
    }

    fn judge_additional_data(&self) -> Result<(), Code> {
        for path in [&["additional_data"][..], &["additional_data", "payer"], &["back_url"]] {
            let is_wrong =
                self.request.at(path).is_some_and(|value| !value.is_null() && value.members().is_none());
            if is_wrong {
                return Err(if path[0] == "back_url" {
                    Code::URL_INVALID
                } else {
                    Code::ADDITIONAL_DATA_INVALID
                });
            }
        }
        Ok(())
    }

    fn kind(&self) -> Result<Type, Code> {
        match self.text(&["transaction_type"], Code::TYPE_INVALID)?.as_deref() {
            None | Some("payment") => Ok(Type::Payment),
            Some("preauthorization") => Ok(Type::PreAuthorization),
            Some(_) => Err(Code::TYPE_INVALID),
        }
    }

    fn currency(&self) -> Result<String, Code> {
        let named = self.checked(&["additional_data", "currency"], Code::PARAMETER_INVALID, |text, _| {
            text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
        })?;
        Ok(named.unwrap_or_else(|| CURRENCY.to_owned()))
    }

    fn order_id(&self) -> Result<Option<String>, Code> {
        let order = self.checked(&["order_id"], Code::ORDER_INVALID, |text, settings| {
            text.chars().count() <= settings.longest(IDENTIFIER_LIMIT)
        })?;
        Ok(order.filter(|order| !order.is_empty()))
    }

    fn installments(&self) -> Result<Option<u8>, Code> {
        let number = self.small_number(&["installments"], Code::INSTALLMENTS_INVALID)?;
        if number.is_some_and(|number| number > self.settings.max_installments) {
            return Err(Code::TOO_MANY_INSTALLMENTS);
        }
        Ok(number)
    }

    fn financing(&self) -> Result<Option<Financing>, Code> {
        let code = Code::INSTALLMENT_TYPE_INVALID;
        let Some(word) = self.text(&["installment_type"], code)? else { return Ok(None) };
        Financing::of_word(&word).map(Some).ok_or(code)
    }

    fn authorizer(&self) -> Result<Option<&'static Authorizer>, Code> {
        let code = Code::AUTHORIZER_INVALID;
        let Some(id) = self.text(&["authorizer_id"], code)? else { return Ok(None) };
        let id = digits(&id, 3).and_then(|id| u16::try_from(id).ok());
        id.and_then(|id| self.settings.authorizer(id)).map(Some).ok_or(code)
    }

    fn keep_for(&self, authorizer: Option<&'static Authorizer>) -> Result<Option<String>, Code> {
        let wanted = self.truth(&["store_card"], Code::STORE_CARD_INVALID)?;
        let customer = self.checked(
            &["additional_data", "payer", "store_identification"],
            Code::STORE_IDENTIFICATION_INVALID,
            is_customer,
        )?;
        if wanted != Some(true) {
            return Ok(None);
        }
        if !self.settings.may_store {
            return Err(Code::NO_PERMISSION);
        }
        if authorizer.is_some_and(|authorizer| !authorizer.may_be_stored) {
            return Err(Code::STORAGE_NOT_ALLOWED);
        }
        customer.map(Some).ok_or(Code::STORE_IDENTIFICATION_MISSING)
    }

    fn methods(&self) -> Result<Vec<String>, Code> {
        let path = ["additional_data", "allowed_payment_methods"];
        let Some(value) = self.request.at(&path).filter(|value| !value.is_null()) else {
            return Ok(Vec::new());
        };
        let items = value.items().ok_or(Code::PARAMETER_INVALID)?;
        items
            .iter()
            .map(|item| {
                let id = item.get("id").and_then(|id| text(id, self.settings.profile));
                id.filter(|id| matches!(id.as_str(), "CRD" | "DBT")).ok_or(Code::PARAMETER_INVALID)
            })
            .collect()
    }

    fn address(&self, name: &str) -> Result<Option<String>, Code> {
        let address = self.checked(&["back_url", name], Code::URL_INVALID, |text, _| {
            text.is_empty() || (text.len() <= ADDRESS_LIMIT && is_web_address(text))
        })?;
        Ok(address.filter(|address| !address.is_empty()))
    }

    fn way_back(&self) -> Result<Return, Code> {
        match self.text(&["redirect"], Code::REDIRECT_INVALID)?.as_deref() {
            None | Some("A") => Ok(Return::Automatic),
            Some("M") => Ok(Return::ByLink),
            Some(_) => Err(Code::REDIRECT_INVALID),
        }
    }
}

fn amount_of(text: &str, settings: &Settings) -> Result<u64, Code> {
    amount(text, settings).ok_or(Code::AMOUNT_INVALID)
}

#[cfg(test)]
mod tests {
    use simulation::strict_json;

    use super::*;

    fn read(request: &str, settings: &Settings) -> Result<Order, u16> {
        Order::read(&strict_json::parse(request.as_bytes()).expect(request), settings).map_err(|code| code.0)
    }

    #[test]
    fn the_least_request_has_an_amount_and_nothing_else() {
        let order = read(r#"{"amount":"100"}"#, &Settings::default()).expect("an order");
        assert_eq!((order.amount, order.currency.as_str(), order.keep_for), (100, "BRL", None));
        assert_eq!(order.way_back, Return::Automatic);
    }

    #[test]
    fn each_mistake_has_its_code() {
        let settings = Settings::default();
        for (request, code) in [
            (r#"{}"#, 32),
            (r#"{"amount":null}"#, 32),
            (r#"{"amount":"0"}"#, 33),
            (r#"{"amount":"1.00"}"#, 33),
            (r#"{"amount":"-1"}"#, 33),
            (r#"{"amount":"1234567890123"}"#, 33),
            (r#"{"amount":{}}"#, 33),
            (r#"{"amount":"1","transaction_type":"recharge"}"#, 103),
            (r#"{"amount":"1","order_id":"123456789012345678901"}"#, 38),
            (r#"{"amount":"1","merchant_usn":"12a"}"#, 37),
            (r#"{"amount":"1","installments":"0"}"#, 15),
            (r#"{"amount":"1","installments":"13"}"#, 109),
            (r#"{"amount":"1","installment_type":"5"}"#, 17),
            (r#"{"amount":"1","authorizer_id":"999"}"#, 5),
            (r#"{"amount":"1","authorizer_id":"440"}"#, 5),
            (r#"{"amount":"1","redirect":"B"}"#, 47),
            (r#"{"amount":"1","back_url":{"url_success":"javascript:x"}}"#, 46),
            (r#"{"amount":"1","back_url":"https://a.example"}"#, 46),
            (r#"{"amount":"1","additional_data":"x"}"#, 63),
            (r#"{"amount":"1","additional_data":{"currency":"real"}}"#, 39),
            (r#"{"amount":"1","additional_data":{"allowed_payment_methods":[{"id":"PIX"}]}}"#, 39),
            (r#"{"amount":"1","soft_descriptor":"12345678901234567890123456"}"#, 25),
            (r#"{"amount":"1","store_card":"yes"}"#, 77),
            (r#"{"amount":"1","store_card":"true"}"#, 78),
            (
                r#"{"amount":"1","store_card":"true","additional_data":{"payer":{"store_identification":"a b"}}}"#,
                83,
            ),
            (
                r#"{"amount":"1","store_card":"true","authorizer_id":"286","additional_data":{"payer":{"store_identification":"a"}}}"#,
                84,
            ),
        ] {
            assert_eq!(read(request, &settings), Err(code), "{request}");
        }
    }

    #[test]
    fn numbers_and_booleans_are_taken_unless_the_rule_book_is_read_to_the_letter() {
        let request = r#"{"amount":1000,"installments":1,"store_card":true,"additional_data":
            {"payer":{"store_identification":"PAYER_ID"},"postpone_confirmation":false}}"#;
        let mut settings = Settings::default();
        let order = read(request, &settings).expect("an order");
        assert_eq!((order.amount, order.installments), (1000, Some(1)));
        assert_eq!(order.keep_for.as_deref(), Some("PAYER_ID"));
        settings.profile = Profile::Guide;
        assert_eq!(read(request, &settings), Err(33));
        assert_eq!(read(&request.replace("1000", "\"1000\"").replace(":1,", ":\"1\","), &settings), Err(77));
    }

    #[test]
    fn a_format_is_read_up_to_its_limit_or_below_it() {
        let twelve = r#"{"amount":"1","merchant_usn":"123456789012"}"#;
        let mut settings = Settings::default();
        assert!(read(twelve, &settings).is_ok());
        settings.profile = Profile::Guide;
        assert_eq!(read(twelve, &settings), Err(37));
    }
}
