//! How a transaction reads in an answer (PROTOCOL.md 9.2).

use simulation::strict_json::Value;

use crate::instant;
use crate::storage::Storage;
use crate::transaction::Transaction;

/// The name of the object that a transaction is answered under.
pub fn name(transaction: &Transaction) -> &'static str {
    if transaction.is_preauthorization() { "pre_authorization" } else { "payment" }
}

/// As it was created: five members.
pub fn created(transaction: &Transaction) -> Value {
    let order = &transaction.order;
    let mut view = Value::object([
        ("status", Value::text(transaction.status.word())),
        ("nit", Value::text(transaction.nit.clone())),
    ]);
    put(&mut view, "order_id", order.order_id.as_deref());
    put(&mut view, "merchant_usn", order.merchant_usn.as_deref());
    put(&mut view, "amount", Some(&order.amount.to_string()));
    view
}

/// With all that is known. Members that nothing is known of are left out.
pub fn whole(transaction: &Transaction) -> Value {
    let order = &transaction.order;
    let brand = transaction.authorizer.map_or("", |authorizer| authorizer.name);
    let mut view = Value::object::<&str>([]);
    let answer = transaction.answer.as_ref();
    if let Some(answer) = answer {
        put(&mut view, "authorizer_code", Some(answer.code));
        put(&mut view, "authorizer_message", Some(&answer.message));
    }
    put(&mut view, "status", Some(transaction.status.word()));
    put(&mut view, "nit", Some(&transaction.nit));
    put(&mut view, "order_id", order.order_id.as_deref());
    if let Some(answer) = answer {
        let receipt = |is_of_shop| answer.receipt(brand, order.amount, &transaction.nit, is_of_shop);
        put(&mut view, "customer_receipt", Some(&receipt(false)));
        put(&mut view, "merchant_receipt", Some(&receipt(true)));
    }
    put(
        &mut view,
        "authorizer_id",
        transaction.authorizer.map(|authorizer| authorizer.id.to_string()).as_deref(),
    );
    if let Some(answer) = answer {
        let (acquirer, name, shop) = answer.acquirer();
        put(&mut view, "acquirer_id", Some(acquirer));
        put(&mut view, "acquirer_name", Some(name));
        put(&mut view, "authorizer_date", Some(&instant::rest(answer.at)));
        put(&mut view, "authorization_number", answer.authorization.as_deref());
        put(&mut view, "authorizer_merchant_id", Some(shop));
        put(&mut view, "terminal_id", Some("ES000100"));
    }
    put(&mut view, "merchant_usn", order.merchant_usn.as_deref());
    put(&mut view, "esitef_usn", Some(&transaction.esitef_usn));
    if let Some(answer) = answer {
        put(&mut view, "sitef_usn", answer.sitef_usn.as_deref());
        put(&mut view, "host_usn", Some(&answer.host_usn));
        put(&mut view, "tid", answer.tid.as_deref());
        put(&mut view, "recurrency_tid", answer.recurrency_tid.as_deref());
    }
    put(&mut view, "amount", Some(&transaction.amount().to_string()));
    put(&mut view, "payment_type", transaction.authorizer.map(|authorizer| authorizer.kind.payment_type()));
    if let Some(answer) = answer {
        put(
            &mut view,
            "issuer",
            transaction.authorizer.map(|authorizer| authorizer.id.to_string()).as_deref(),
        );
        put(&mut view, "payment_date", Some(&instant::rest(answer.at)));
    }
    view
}

/// CA-U50: the storage transaction beside a payment.
pub fn storage(storage: &Storage) -> Value {
    let mut view = Value::object([
        ("nsua", Value::text(storage.ids.nsua.clone())),
        ("nita", Value::text(storage.ids.nita.clone())),
    ]);
    put(&mut view, "status", storage.status.word());
    put(&mut view, "merchant_usn", storage.merchant_usn.as_deref());
    put(&mut view, "customer_id", Some(&storage.customer));
    put(
        &mut view,
        "authorizer_id",
        storage.authorizer.map(|authorizer| authorizer.id.to_string()).as_deref(),
    );
    view
}

/// Puts a text, when there is one.
pub fn put(view: &mut Value, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        view.set(name, Value::text(text));
    }
}
