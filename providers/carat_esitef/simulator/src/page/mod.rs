//! The hosted page (PROTOCOL.md 3): forms only, no script, one address per payment. CA-U11: its markup is ours; the
//! members of its form have the names of the vendor's own script.
//!
//! A POST that was carried out leads back to the shop, or to the page's address, so that a reload never repeats it; a
//! POST that was refused answers 422 with the form and a sentence beside each refused datum.

mod card_form;
pub mod labels;
mod view;

use askama::Template;
use simulation::{Reply, Request, World};

use crate::CaratEsitef;
use crate::account::Merchant;
use crate::codes::Code;
use crate::order::Return;
use crate::paying::Tendered;
use crate::route::Step;
use crate::transaction::{Status, Transaction};
use card_form::{Errors, Values};
use labels::Language;
use simulation::form::Form;
use view::{CardPage, NotFoundPage, StatusPage, address};

const STYLE: &str = include_str!("../../templates/style.css");

/// Browsers apply `form-action` to the redirect that follows a form, and the shop's address is anywhere.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action *; base-uri 'none'";

/// The stylesheet.
pub fn stylesheet() -> Reply {
    Reply::with_type(200, "text/css; charset=utf-8", STYLE.as_bytes().to_vec())
}

impl CaratEsitef {
    /// Answers one request of the payer's browser.
    pub(super) fn page(&mut self, nit: &str, step: Step, request: &Request, world: &mut dyn World) -> Reply {
        let merchant = self.transactions.get(nit).and_then(|known| self.merchant(&known.merchant)).cloned();
        let Some(merchant) = merchant else {
            return secured(render(404, &NotFoundPage::new(Language::Portuguese)));
        };
        let form = Form::read(&request.body);
        let reply = match step {
            Step::Show => self.show(nit, &merchant, world),
            Step::Pay => self.take_card(nit, &merchant, &form, world),
            Step::Cancel => self.give_up(nit, &merchant, world),
            Step::Language => self.take_language(nit, &form, world),
        };
        secured(reply)
    }

    fn show(&mut self, nit: &str, merchant: &Merchant, world: &mut dyn World) -> Reply {
        self.see(nit, world);
        let transaction = &self.transactions[nit];
        if !transaction.status.takes_card() {
            return self.show_status(nit, merchant);
        }
        let values = Values::prefilled(transaction);
        render(200, &CardPage::new(transaction, merchant, &values, &Errors::new(), world.now()))
    }

    fn show_status(&self, nit: &str, merchant: &Merchant) -> Reply {
        let transaction = &self.transactions[nit];
        render(200, &StatusPage::new(transaction, merchant, way_back(transaction, merchant)))
    }

    fn take_card(&mut self, nit: &str, merchant: &Merchant, form: &Form, world: &mut dyn World) -> Reply {
        let transaction = &self.transactions[nit];
        if !transaction.status.takes_card() {
            return self.leave(nit, merchant);
        }
        self.see(nit, world);
        let transaction = &self.transactions[nit];
        let values = Values::typed(form);
        let accepted = match card_form::judge(form, &values, transaction, &merchant.settings, world) {
            Ok(accepted) => accepted,
            Err(errors) => return self.refuse(nit, merchant, &values, errors, world),
        };
        let recognized = self.recognize(nit, &accepted.number, accepted.chosen, &merchant.settings, world);
        let authorizer = match recognized {
            Ok(authorizer) => authorizer,
            Err(Code::BLOCKED) => return self.leave(nit, merchant),
            Err(code) => {
                let labels = labels::of(self.transactions[nit].language);
                let errors = vec![(card_form::NUMBER, labels.refusal(code))];
                return self.refuse(nit, merchant, &values, errors, world);
            }
        };
        self.choose_installments(nit, accepted.installments, accepted.financing);
        let tendered = Tendered {
            number: accepted.number,
            expiry: accepted.expiry,
            authorizer,
            is_stored: false,
            has_code: true,
        };
        self.pay(nit, tendered, world);
        self.leave(nit, merchant)
    }

    fn refuse(
        &self,
        nit: &str,
        merchant: &Merchant,
        values: &Values,
        errors: Errors,
        world: &dyn World,
    ) -> Reply {
        render(422, &CardPage::new(&self.transactions[nit], merchant, values, &errors, world.now()))
    }

    fn give_up(&mut self, nit: &str, merchant: &Merchant, world: &mut dyn World) -> Reply {
        self.see(nit, world);
        self.change(nit, Status::Cancelled, world.now(), world);
        self.leave(nit, merchant)
    }

    fn take_language(&mut self, nit: &str, form: &Form, world: &mut dyn World) -> Reply {
        self.see(nit, world);
        if let Some(language) = Language::of_code(form.get("idioma"))
            && let Some(transaction) = self.transactions.get_mut(nit)
        {
            transaction.language = language;
        }
        Reply::see_other(address(nit))
    }

    /// To the shop by itself, or to the page that has the link. CA-U43: the page, too, where there is no address.
    fn leave(&self, nit: &str, merchant: &Merchant) -> Reply {
        let transaction = &self.transactions[nit];
        match (way_back(transaction, merchant), transaction.order.way_back) {
            (Some(url), Return::Automatic) => found(url),
            (Some(_) | None, Return::Automatic | Return::ByLink) => Reply::see_other(address(nit)),
        }
    }
}

/// Where the payer goes: what the request said, else what the shop registered. CA-U12: nothing is added to it.
fn way_back(transaction: &Transaction, merchant: &Merchant) -> Option<String> {
    let place = match transaction.status {
        Status::New | Status::Waiting => return None,
        Status::Pending | Status::Unconfirmed | Status::Confirmed | Status::Reversed => 0,
        Status::Undone
        | Status::Denied
        | Status::Failed
        | Status::Blocked
        | Status::Expired
        | Status::Abandoned => 1,
        Status::Cancelled => 2,
    };
    transaction.order.back[place].clone().or_else(|| merchant.settings.back[place].clone())
}

/// The redirect of the real portal is a plain 302.
fn found(location: String) -> Reply {
    Reply { status: 302, ..Reply::see_other(location) }
}

fn render(status: u16, page: &impl Template) -> Reply {
    match page.render() {
        Ok(text) => Reply::html(status, text),
        // Writing a template into memory fails only when memory does.
        Err(error) => Reply::with_type(500, "text/plain; charset=utf-8", error.to_string().into_bytes()),
    }
}

fn secured(mut reply: Reply) -> Reply {
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        reply.headers.push((name.into(), value.into()));
    }
    reply
}
