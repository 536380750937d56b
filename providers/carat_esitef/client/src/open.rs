//! Making a transaction: for the portal's own page, or for ours (PROTOCOL.md 2, 3.1, 9.1).

use aws_lc_rs::digest;
use payment::fact::{Fact, FactKind, Observation, Opening, Reason, Telling};
use payment::instrument::{InstrumentTelling, KeepingState};
use payment::order::Order;
use payment::profile::CLEAR_ALPHABET;
use payment::step::{AfterLost, Answer, Refusal, Step};
use payment::task::Authorization;
use payment::{Account, Currency, Money, Timestamp};
use serde::Serialize;
use url::Url;

use crate::account::{self, Profile, unconfigured};
use crate::answer::{Heard, hear};
use crate::authorizers::authorizer;
use crate::call::{self, Body, Operation, USUAL_MS};
use crate::stage::Stage;
use crate::told::{Asked, Transaction};
use crate::wire::{self, Scalar};
use crate::{form, identifiers, subject};

/// A transaction that nobody was told of is never paid, and ends by itself: begin anew.
const INIT: Operation =
    Operation { name: "init", method: "POST", timeout_ms: USUAL_MS, on_lost: AfterLost::FreshStart };
/// As [`INIT`].
const CREATE: Operation = Operation { name: "create_transaction", ..INIT };

/// CA-U07: the payer is sent back without having to press anything.
const REDIRECT: &str = "A";
/// Characters of a customer's name at the portal: fewer than twenty (PROTOCOL.md 2.3).
const STORE_IDENTIFICATION: usize = 19;
/// The ways of paying that the portal's page can be narrowed to beside the numbers of brands (PROTOCOL.md 2.2).
pub const WAYS: [&str; 2] = ["CRD", "DBT"];

pub fn begin(authorization: &Authorization, account: &Account) -> Result<Step, Box<Refusal>> {
    if account::takes_cards(account) || authorization.instrument.is_some() {
        return create(authorization, account);
    }
    let request = Init {
        merchant_id: account::merchant_id(account)?,
        asked: AskedFor::of(authorization, account)?,
        redirect: REDIRECT,
        back_url: BackUrl {
            url_success: &authorization.return_url,
            url_failure: &authorization.return_url,
            url_cancel: &authorization.return_url,
        },
    };
    let request = serde_json::to_string(&request)
        .map_err(|_| unconfigured("The request cannot be written as JSON."))?;
    // CA-U05, CA-U56: JSON is sent as a form and read as JSON, and the other interface is not used.
    let body = Body::form(form::parameter("request", &request));
    call::html(INIT, account, &["init", "json.se"], &[], body, &Stage::Init)
}

/// Makes a transaction that is paid by REST.
pub fn create(authorization: &Authorization, account: &Account) -> Result<Step, Box<Refusal>> {
    let mut asked = AskedFor::of(authorization, account)?;
    // REST has no page on which the payer would choose.
    let count = authorization.order.instalments.unwrap_or(1);
    asked.installments = Some(count.to_string());
    asked.installment_type = Some(account::instalment_type(account, count));
    let body = Body::json(&asked)?;
    call::rest(CREATE, account, &["v1", "transactions"], &[], body, &Stage::Create)
}

/// The answer of the HTML interface.
pub fn read_init(answer: &Answer, authorization: &Authorization, account: &Account) -> Step {
    let envelope = match hear(answer) {
        Heard::Done(envelope) => envelope,
        Heard::Refused(envelope) => return Step::Refused(envelope.refusal()),
        Heard::Unclear(cause) => return unclear(cause),
    };
    let Some(nit) = envelope.nit.text().filter(|nit| identifiers::is_nit(nit)) else {
        return unclear("the answer names no transaction");
    };
    let Some(page) = envelope.url.text().and_then(|written| page_url(written, nit, account)) else {
        return unclear("the answer names no page of the transaction");
    };
    let opened = Opened {
        nit,
        pay_url: page,
        number: &envelope.nsuesitef,
        nita: &envelope.nita,
        nsua: &envelope.nsua,
    };
    opened.step(authorization, account, answer.received_at)
}

/// The answer of REST: the card is typed on our own page.
pub fn read_create(answer: &Answer, authorization: &Authorization, account: &Account) -> Step {
    let envelope = match hear(answer) {
        Heard::Done(envelope) => envelope,
        Heard::Refused(envelope) => return Step::Refused(envelope.refusal()),
        Heard::Unclear(cause) => return unclear(cause),
    };
    let made = envelope.payment.unwrap_or_default();
    let Some(nit) = made.nit() else { return unclear("the answer names no transaction") };
    if !is_as_asked(&made, authorization) {
        return unclear("the answer tells of another order");
    }
    let store = envelope.store.unwrap_or_default();
    let opened = Opened {
        nit,
        pay_url: authorization.card_url.clone(),
        number: &made.esitef_usn,
        nita: &store.nita,
        nsua: &store.nsua,
    };
    opened.step(authorization, account, answer.received_at)
}

/// What the account asked for with an authorization of which the portal has no name yet.
pub fn asked<'a>(authorization: &'a Authorization, account: &'a Account) -> Asked<'a> {
    Asked {
        account,
        reference: &authorization.reference,
        nit: None,
        total: authorization.order.total,
        movements: &[],
    }
}

fn is_as_asked(made: &Transaction, authorization: &Authorization) -> bool {
    let total = authorization.order.total;
    let amount = made.amount.text().map(|amount| identifiers::amount(amount.trim(), total.currency));
    !made.names_another(&authorization.reference) && amount.is_none_or(|amount| amount == Some(total))
}

/// A transaction that was made.
struct Opened<'a> {
    nit: &'a str,
    pay_url: Url,
    number: &'a Scalar,
    nita: &'a Scalar,
    nsua: &'a Scalar,
}

impl Opened<'_> {
    /// All its names are kept (CA-18): `nit` and `nita` as references, the two numbers with what is told.
    fn step(self, authorization: &Authorization, account: &Account, at: Timestamp) -> Step {
        let opening = Opening {
            provider_reference: self.nit.to_owned(),
            pay_url: Some(self.pay_url.clone()),
            pay_code: None,
            expires_at: authorization.expires_at,
        };
        let message = self.number.told().map(|number| format!("nsuesitef {number}")).unwrap_or_default();
        let reason = Reason { status: "NOV".into(), message, ..Reason::default() };
        let mut kinds = vec![FactKind::Opened(opening), FactKind::Waiting(Telling { reason })];
        if authorization.order.keep_instrument {
            kinds.push(FactKind::Instrument(self.keeping()));
        }
        let facts = kinds.into_iter().map(|kind| Fact::new(at, kind)).collect();
        Step::Learned(vec![Observation { subject: subject(account, self.nit), facts }].into())
    }

    /// That the card is to be kept. Names are taken as they come, and those of another shape than documented are told so
    /// (PROTOCOL.md 1.2).
    fn keeping(&self) -> InstrumentTelling {
        let nita = self.nita.text().filter(|nita| identifiers::is_opaque(nita));
        let nsua = self.nsua.text().filter(|nsua| identifiers::is_opaque(nsua));
        let is_documented = nita.is_some_and(identifiers::is_nita) && nsua.is_some_and(identifiers::is_nsua);
        let note = match (nita, is_documented) {
            (None, _) => "the portal named no storage transaction",
            (Some(_), false) => "names of another shape than documented",
            (Some(_), true) => "",
        };
        let number = nsua.map(|nsua| format!("nsua {nsua}"));
        let text = number.into_iter().chain(Some(note.to_owned()).filter(|note| !note.is_empty()));
        InstrumentTelling {
            provider_reference: nita.unwrap_or(self.nit).to_owned(),
            state: if nita.is_some() { KeepingState::Begun } else { KeepingState::NotKept },
            digest: String::new(),
            brand: None,
            bin: None,
            last_four: None,
            valid_until: None,
            reason: Reason {
                message: wire::shown(&text.collect::<Vec<_>>().join(", ")),
                ..Reason::default()
            },
        }
    }
}

/// The portal's page, its raw brackets and quotes encoded once (C-19). None: it is not the page of this transaction.
pub fn page_url(written: &str, nit: &str, account: &Account) -> Option<Url> {
    let (before, query) = written.split_once('?')?;
    let query = query.replace('[', "%5B").replace(']', "%5D").replace('\'', "%27");
    let url: Url = format!("{before}?{query}").parse().ok()?;
    let names_it = url.query_pairs().any(|(name, value)| name == "input['nit']" && value == nit);
    (names_it && account::is_fit(account, &url)).then_some(url)
}

/// The customer as the portal knows them: always the same for the same one, and nothing that tells who it is.
pub fn store_identification(merchant: &str, customer: &str) -> String {
    let digest = digest::digest(&digest::SHA256, format!("{merchant}\n{customer}").as_bytes());
    let letter = |byte: &u8| char::from(CLEAR_ALPHABET[usize::from(*byte) % CLEAR_ALPHABET.len()]);
    digest.as_ref().iter().take(STORE_IDENTIFICATION).map(letter).collect()
}

/// The payer's document, digits only.
pub fn identification_number(order: &Order) -> Option<String> {
    let document =
        [&order.payer, &order.buyer].into_iter().flatten().find_map(|person| person.document.as_ref())?;
    let is_digit = |letter: &char| letter.is_ascii_digit();
    let digits: String = document.number.chars().filter(is_digit).collect();
    (7..=14).contains(&digits.len()).then_some(digits)
}

/// What is asked for, in either interface. Every value is a text (C-21).
#[derive(Clone, Debug, Serialize)]
pub struct AskedFor<'a> {
    merchant_usn: &'a str,
    order_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installments: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installment_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorizer_id: Option<&'a str>,
    amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    store_card: Option<&'static str>,
    #[serde(skip_serializing_if = "AdditionalData::is_empty")]
    additional_data: AdditionalData<'a>,
}

impl<'a> AskedFor<'a> {
    /// CA-U06, CA-U23: the shop's number and the amount are always told. CA-U13: no address for notices is.
    pub fn of(authorization: &'a Authorization, account: &'a Account) -> Result<Self, Box<Refusal>> {
        let (order, reference) = (&authorization.order, &authorization.reference);
        if !identifiers::is_merchant_usn(reference, Profile::of(account)) {
            return Err(unconfigured("The attempt's reference is no number of fewer than twelve digits."));
        }
        let keeps = order.customer.as_deref().filter(|_| order.keep_instrument);
        let ways: Vec<Way<'a>> =
            order.methods.iter().filter(|code| WAYS.contains(&code.as_str())).map(|id| Way { id }).collect();
        Ok(Self {
            merchant_usn: reference,
            order_id: reference,
            installments: order.instalments.map(|count| count.to_string()),
            installment_type: order.instalments.map(|count| account::instalment_type(account, count)),
            authorizer_id: order.methods.iter().map(String::as_str).find(|code| authorizer(code).is_some()),
            amount: written(order.total)?,
            store_card: keeps.map(|_| "true"),
            additional_data: AdditionalData {
                currency: Some(order.total.currency)
                    .filter(|currency| *currency != Currency::Brl)
                    .map(Currency::code),
                postpone_confirmation: account::postpones(account).then_some("true"),
                allowed_payment_methods: ways,
                payer: Payer {
                    store_identification: keeps
                        .map(|customer| store_identification(&account.merchant, customer)),
                    identification_number: identification_number(order),
                },
            },
        })
    }
}

/// An amount as it is sent.
pub fn written(amount: Money) -> Result<String, Box<Refusal>> {
    let is_writable = account::is_writable(amount);
    is_writable.then(|| amount.minor.to_string()).ok_or_else(|| unconfigured("The amount cannot be written."))
}

#[derive(Serialize)]
struct Init<'a> {
    merchant_id: &'a str,
    #[serde(flatten)]
    asked: AskedFor<'a>,
    redirect: &'static str,
    back_url: BackUrl<'a>,
}

#[derive(Serialize)]
struct BackUrl<'a> {
    url_success: &'a Url,
    url_failure: &'a Url,
    url_cancel: &'a Url,
}

#[derive(Clone, Debug, Serialize)]
struct AdditionalData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postpone_confirmation: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_payment_methods: Vec<Way<'a>>,
    #[serde(skip_serializing_if = "Payer::is_empty")]
    payer: Payer,
}

impl AdditionalData<'_> {
    const fn is_empty(&self) -> bool {
        self.currency.is_none()
            && self.postpone_confirmation.is_none()
            && self.allowed_payment_methods.is_empty()
            && self.payer.is_empty()
    }
}

#[derive(Clone, Debug, Serialize)]
struct Payer {
    #[serde(skip_serializing_if = "Option::is_none")]
    store_identification: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identification_number: Option<String>,
}

impl Payer {
    const fn is_empty(&self) -> bool {
        self.store_identification.is_none() && self.identification_number.is_none()
    }
}

#[derive(Clone, Debug, Serialize)]
struct Way<'a> {
    id: &'a str,
}

fn unclear(cause: &str) -> Step {
    Step::Unclear { cause: cause.to_owned() }
}
