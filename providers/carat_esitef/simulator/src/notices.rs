//! Notices to shops: status, storage, and the check of a sensitive operation (PROTOCOL.md 4, 5, 10).
//!
//! Forms, unsigned, written once: every try sends the same bytes. Only HTTP 200 ends the trying.

use simulation::{NoticeOutcome, OutgoingNotice, World};

use crate::account::{AbsentNumber, Extras, Merchant, Settings};
use crate::course::{Answer, Routing};
use crate::storage::Storage;
use crate::transaction::{Status, Transaction};
use crate::{CaratEsitef, identifiers, instant};
use simulation::form;

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded; charset=utf-8";
/// Parameters that chance makes, where the shop is set so.
const RANDOM_PARAMETERS: usize = 5;

type Parameters = Vec<(String, String)>;

/// The parameters of a status notice, in the order of the documented table.
pub fn status(transaction: &Transaction, settings: &Settings, world: &mut dyn World) -> Parameters {
    let order = &transaction.order;
    let mut parameters = Parameters::new();
    let mut put = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
    put("nit", &transaction.nit);
    if let Some(order_id) = &order.order_id {
        put("pedido", order_id);
    }
    put_number(order.merchant_usn.as_deref(), settings, &mut put);
    if let Some(answer) = &transaction.answer {
        if let Some(number) = &answer.sitef_usn {
            put("nsuSitef", number);
        }
        put("nsuHost", &answer.host_usn);
    }
    put("nsuesitef", &transaction.esitef_usn);
    put("status", transaction.status.word());
    if let Some(answer) = &transaction.answer {
        put_answer(answer, transaction, &mut put);
    } else if let Some(authorizer) = transaction.authorizer {
        put("autorizadora", &authorizer.id.to_string());
    }
    add_extras(&mut parameters, transaction, settings, world);
    parameters
}

/// The parameters of a storage notice; none while the storage is open.
pub fn storage(storage: &Storage, settings: &Settings, world: &mut dyn World) -> Option<Parameters> {
    let status = storage.status.word()?;
    let mut parameters = Parameters::new();
    let mut put = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
    put("nita", &storage.ids.nita);
    put("nsua", &storage.ids.nsua);
    put_number(storage.merchant_usn.as_deref(), settings, &mut put);
    put("status", status);
    if let Some(face) = &storage.face {
        put("hash", &face.hash);
        put("bin", &face.bin);
        put("final", &face.last_four);
    }
    if let Some(authorizer) = storage.authorizer {
        put("autorizadora", &authorizer.id.to_string());
    }
    if settings.extras == Extras::Random {
        add_random(&mut parameters, world);
    }
    Some(parameters)
}

/// A notice to an address of a shop. `None` without an address, and where the shop may not have one without TLS.
pub fn outgoing(
    merchant: &Merchant,
    url: Option<&String>,
    about: &str,
    parameters: Parameters,
    delay_s: i64,
    world: &dyn World,
) -> Option<OutgoingNotice> {
    let url = url.filter(|url| merchant.settings.takes_plain_http || url.starts_with("https://"))?;
    let body = form::write(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Some(OutgoingNotice {
        account: merchant.name.clone(),
        about: about.to_owned(),
        url: url.clone(),
        due_at: instant::seconds_after(world.now(), delay_s),
        headers: vec![("content-type".into(), CONTENT_TYPE.into())],
        body: body.into_bytes(),
        from: None,
    })
}

impl CaratEsitef {
    /// Tries again what was not answered with 200, until the shop's limit.
    pub(super) fn hear_of_notice(
        &mut self,
        notice: &OutgoingNotice,
        outcome: &NoticeOutcome,
        world: &mut dyn World,
    ) {
        let Some(settings) = self.merchant(&notice.account).map(|merchant| merchant.settings.clone()) else {
            return;
        };
        let deliveries = match self.transactions.get_mut(&notice.about) {
            Some(transaction) => &mut transaction.notices,
            None => match self.storages.get_mut(&notice.about) {
                Some(storage) => &mut storage.notices,
                None => return,
            },
        };
        let is_delivered = outcome.status == Some(200);
        if deliveries.end(&notice.body, is_delivered, settings.notice_attempts()) {
            let due_at = instant::seconds_after(world.now(), settings.notice_interval_s);
            world.notify(OutgoingNotice { due_at, ..notice.clone() });
        }
    }
}

fn put_number(number: Option<&str>, settings: &Settings, put: &mut impl FnMut(&str, &str)) {
    match (number, settings.absent_number) {
        (Some(number), _) => put("nsu", number),
        (None, AbsentNumber::Null) => put("nsu", "null"),
        (None, AbsentNumber::Absent) => {}
    }
}

fn put_answer(answer: &Answer, transaction: &Transaction, put: &mut impl FnMut(&str, &str)) {
    let order = &transaction.order;
    let brand = transaction.authorizer.map_or("", |authorizer| authorizer.name);
    let receipt = |is_of_shop| answer.receipt(brand, order.amount, &transaction.nit, is_of_shop);
    // CA-U46: at signs stand for the line breaks.
    put("cupom", &receipt(false).replace('\n', "@"));
    put("cupomEstabelecimento", &receipt(true).replace('\n', "@"));
    if let Some(authorizer) = transaction.authorizer {
        put("autorizadora", &authorizer.id.to_string());
        put("tipoPagamento", authorizer.kind.payment_type());
    }
    let is_done = matches!(transaction.status, Status::Confirmed | Status::Reversed);
    match answer.routing {
        Routing::Sitef if is_done => put("dataSitef", &instant::notice(answer.at)),
        Routing::Gateway if is_done => put("dataEfetivacao", &instant::notice(answer.at)),
        Routing::Sitef | Routing::Gateway => {}
    }
    put("parcelas", &order.installments.unwrap_or(1).to_string());
    put("tipoFinanciamento", order.financing.map_or("4", |financing| financing.word()));
    put("mensagem", &answer.message);
    put("codigoRespostaAutorizadora", answer.code);
    put("rede", answer.acquirer().1);
    if let Some(number) = &answer.authorization {
        put("numeroAutorizacao", number);
    }
    if let Some(tid) = &answer.tid {
        put("tid", tid);
    }
    if let (Routing::Sitef, Some(authorizer)) = (answer.routing, transaction.authorizer) {
        put("bandeira", &format!("{:05}", authorizer.id));
    }
}

fn add_extras(
    parameters: &mut Parameters,
    transaction: &Transaction,
    settings: &Settings,
    world: &mut dyn World,
) {
    match settings.extras {
        Extras::None => return,
        Extras::Seen | Extras::Random => {}
    }
    let mut put = |name: &str, value: String| parameters.push((name.to_owned(), value));
    put("valor", transaction.order.amount.to_string());
    if let Some(answer) = &transaction.answer {
        put("binCartao", answer.bin.clone());
        put("finalCartao", answer.last_four.clone());
        put("acquirerdId", answer.acquirer().0.to_owned());
    }
    if settings.extras == Extras::Random {
        add_random(parameters, world);
    }
}

fn add_random(parameters: &mut Parameters, world: &mut dyn World) {
    for _ in 0..RANDOM_PARAMETERS {
        let name = identifiers::pick(world, b"abcdefghijklmnopqrstuvwxyz", 8);
        parameters.push((format!("x{name}"), format!("á {}", identifiers::digits(world, 6))));
    }
}
