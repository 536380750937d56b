//! The forms for a card and for a transfer, and their inputs.

use super::card_form::{Errors, MOST_INSTALLMENTS, Values, is_locked};
use super::labels::Labels;
use super::view::{CardPage, Frame, Input, TransferPage};
use super::view_words::behaviour;
use super::{money, transfer_form};
use crate::checkout::account::Settings;
use crate::checkout::banks;
use crate::checkout::cards;
use crate::checkout::documents;
use crate::checkout::methods::Method;
use crate::checkout::session::Session;

impl CardPage {
    /// The form with its values and errors.
    pub fn new(
        frame: Frame,
        session: &Session,
        settings: &Settings,
        values: &Values,
        errors: &Errors,
        error: Option<&'static str>,
    ) -> Self {
        let labels = frame.labels;
        let brands = Method::brands(&session.order.methods(&settings.methods));
        let is_subscription = session.order.is_subscription();
        let mut inputs = card_inputs(labels, values, is_subscription);
        inputs.extend(owner_inputs(
            labels,
            settings,
            values,
            (labels.holder_name, labels.holder_surname),
            labels.mobile,
        ));
        let inputs = with_amount(inputs, session, labels, values);
        let button = if is_subscription {
            labels.store_card.to_owned()
        } else if session.order.allow_partial {
            labels.pay.to_owned()
        } else {
            format!("{} {}", labels.pay, money::text(session.remaining(), session.order.currency()))
        };
        Self {
            inputs: judged(inputs, session, errors),
            form_token: session.form_token.clone(),
            error,
            heading: if is_subscription { labels.store_heading } else { labels.card_heading },
            text: is_subscription.then_some(labels.store_text),
            save_card: session.order.subscribe.then_some(values.save_card),
            button,
            test_cards: cards::all()
                .iter()
                .filter(|card| brands.contains(&card.brand))
                .map(|card| (card.number, card.brand.name(), behaviour(card, labels, session.language)))
                .collect(),
            frame,
        }
    }
}

impl TransferPage {
    /// The form with its values and errors.
    pub fn new(
        frame: Frame,
        session: &Session,
        settings: &Settings,
        values: &Values,
        errors: &Errors,
        error: Option<&'static str>,
    ) -> Self {
        let labels = frame.labels;
        let choose = (String::new(), labels.choose.to_owned());
        let kinds = [
            (transfer_form::NATURAL.to_owned(), labels.person_natural.to_owned()),
            (transfer_form::COMPANY.to_owned(), labels.person_company.to_owned()),
        ];
        let banks = banks::all().iter().map(|bank| (bank.code.to_owned(), bank.name.to_owned()));
        let mut inputs = vec![
            Input::list(
                "person_kind",
                labels.person_kind,
                &values.person_kind,
                [choose.clone()].into_iter().chain(kinds).collect(),
            ),
            Input::list("bank", labels.bank, &values.bank, [choose].into_iter().chain(banks).collect()),
        ];
        let names = (labels.owner_name, labels.owner_surname);
        inputs.extend(owner_inputs(labels, settings, values, names, labels.mobile_with_prefix));
        let inputs = with_amount(inputs, session, labels, values);
        Self { inputs: judged(inputs, session, errors), form_token: session.form_token.clone(), error, frame }
    }
}

impl Input {
    pub fn text(
        name: &'static str,
        label: &'static str,
        value: String,
        autocomplete: &'static str,
        inputmode: &'static str,
    ) -> Self {
        Self {
            name,
            label,
            value,
            error: None,
            is_locked: false,
            autocomplete,
            inputmode,
            choices: Vec::new(),
        }
    }

    pub fn list(
        name: &'static str,
        label: &'static str,
        chosen: &str,
        choices: Vec<(String, String)>,
    ) -> Self {
        let choices = choices
            .into_iter()
            .map(|(value, label)| {
                let is_chosen = value == chosen;
                (value, label, is_chosen)
            })
            .collect();
        Self { choices, ..Self::text(name, label, chosen.to_owned(), "off", "text") }
    }
}

/// Number and code are always empty: they are never written back.
fn card_inputs(labels: &'static Labels, values: &Values, is_subscription: bool) -> Vec<Input> {
    let text = |name, label, value: &str, autocomplete| {
        Input::text(name, label, value.to_owned(), autocomplete, "numeric")
    };
    let installments =
        (1..=MOST_INSTALLMENTS).map(|number| (number.to_string(), number.to_string())).collect();
    let mut inputs = vec![
        text("card_number", labels.card_number, "", "cc-number"),
        text("expiry", labels.expiry, &values.expiry, "cc-exp"),
        text("cvv", labels.code, "", "cc-csc"),
    ];
    if !is_subscription {
        inputs.push(Input::list("installments", labels.installments, &values.installments, installments));
    }
    inputs
}

fn owner_inputs(
    labels: &'static Labels,
    settings: &Settings,
    values: &Values,
    (name, surname): (&'static str, &'static str),
    mobile: &'static str,
) -> Vec<Input> {
    let mut kinds = documents::offered_in(&settings.country);
    if let Some(known) = documents::find(&values.document_type)
        && !kinds.iter().any(|kind| kind.code == known.code)
    {
        kinds.push(known);
    }
    let mut types = vec![(String::new(), labels.choose.to_owned())];
    types.extend(kinds.iter().map(|kind| (kind.code.to_owned(), kind.code.to_owned())));
    let text = |name, label, value: &str, autocomplete, inputmode| {
        Input::text(name, label, value.to_owned(), autocomplete, inputmode)
    };
    vec![
        text("holder_name", name, &values.holder_name, "cc-given-name", "text"),
        text("holder_surname", surname, &values.holder_surname, "cc-family-name", "text"),
        Input::list("document_type", labels.document_type, &values.document_type, types),
        text("document", labels.document, &values.document, "off", "text"),
        text("mobile", mobile, &values.mobile, "tel", "tel"),
    ]
}

/// Of a mixed payment the payer says first how much.
fn with_amount(
    inputs: Vec<Input>,
    session: &Session,
    labels: &'static Labels,
    values: &Values,
) -> Vec<Input> {
    if !session.order.allow_partial {
        return inputs;
    }
    let amount = Input::text("amount", labels.amount_to_pay, values.amount.clone(), "off", "decimal");
    [amount].into_iter().chain(inputs).collect()
}

fn judged(mut inputs: Vec<Input>, session: &Session, errors: &Errors) -> Vec<Input> {
    for input in &mut inputs {
        input.is_locked = is_locked(session, input.name);
        input.error = errors.iter().find(|(name, _)| *name == input.name).map(|(_, sentence)| *sentence);
    }
    inputs
}
