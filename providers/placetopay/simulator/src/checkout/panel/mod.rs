//! The merchant's panel: what was paid, giving it back, ending a recurrence (§6.7, §11.1). Real panels ask for a
//! password; a sandbox that keeps no secrets does not.

mod labels;
mod view;

use simulation::form::decode_path;
use simulation::{Reply, Request, World};

use super::AvalPay;
use super::page::{render, secured};
use super::reversal::reconciled_at;
use super::route::{PANEL_PREFIX, View};
use super::texts::Language;
use view::{
    AccountsPage, CardsPage, Desk, LateReversalsPage, MissingPage, RecurrencesPage, TransactionPage,
    TransactionsPage,
};

/// What was done, told on the page that follows.
const REVERSED: &str = "reversed";
const REFUSED: &str = "refused";
const LATE: &str = "late";
const CANCELLED: &str = "cancelled";
const NOT_DONE: &str = "not_done";

impl AvalPay {
    /// Answers one request of the panel. What changes something must come from the panel's own pages.
    pub(super) fn panel(&mut self, view: View<'_>, request: &Request, world: &mut dyn World) -> Reply {
        let language = language_of(request);
        let from_elsewhere =
            request.header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
        let account = view.account().map(decode_path).unwrap_or_default();
        let is_known = view.account().is_none() || self.merchant(&account).is_some();
        let reply = if !is_known || (request.method == "POST" && from_elsewhere) {
            missing(language)
        } else {
            self.panel_view(view, &account, request, language, world)
        };
        secured(reply)
    }

    fn panel_view(
        &mut self,
        view: View<'_>,
        account: &str,
        request: &Request,
        language: Language,
        world: &mut dyn World,
    ) -> Reply {
        let told = word(request, "done");
        let desk = |place| Desk::new(account, place, language, told);
        match view {
            View::Accounts => render(200, &AccountsPage::new(desk(""), &self.merchants)),
            View::Transactions(_) => render(200, &TransactionsPage::new(desk("transactions"), self, account)),
            View::Recurrences(_) => render(200, &RecurrencesPage::new(desk("recurrences"), self, account)),
            View::LateReversals(_) => {
                render(200, &LateReversalsPage::new(desk("late-reversals"), self, account))
            }
            View::Cards(_) => render(200, &CardsPage::new(desk("cards"), self, account)),
            View::Transaction(_, number) => {
                match TransactionPage::new(desk("transactions"), self, account, number, world.now()) {
                    Some(page) => render(200, &page),
                    None => missing(language),
                }
            }
            View::Reverse(_, number) => {
                let done = self.reverse_in_panel(account, number, world);
                back(account, &format!("/transactions/{number}"), language, done)
            }
            View::ReverseLate(_, number) => {
                let done = self.reverse_late_in_panel(account, number, world);
                back(account, "/late-reversals", language, done)
            }
            View::CancelRecurrence(_, number) => {
                let is_own = self
                    .recurrence(number)
                    .and_then(|recurrence| self.sessions.get(&recurrence.request_id))
                    .is_some_and(|session| session.merchant == account);
                let done = if is_own && self.cancel_recurrence(number) { CANCELLED } else { NOT_DONE };
                back(account, "/recurrences", language, done)
            }
        }
    }

    /// Gives back all that is left of a transaction, until the hour of reconciliation.
    pub(super) fn reverse_in_panel(
        &mut self,
        account: &str,
        number: u64,
        world: &mut dyn World,
    ) -> &'static str {
        let Ok(place) = self.place_of(number) else { return NOT_DONE };
        let is_open =
            self.what_is_left(place).is_ok_and(|(_, charged_at)| world.now() < reconciled_at(charged_at));
        if self.merchant_at(place) != account || !is_open {
            return NOT_DONE;
        }
        match self.reverse(place, None, world) {
            Ok(done) if done.verdict.is_approved() => REVERSED,
            Ok(_) => REFUSED,
            Err(_) => NOT_DONE,
        }
    }

    fn reverse_late_in_panel(&mut self, account: &str, number: u64, world: &mut dyn World) -> &'static str {
        let is_own = self.place_of(number).is_ok_and(|place| self.merchant_at(place) == account);
        if is_own && self.request_late_reversal(number, world).is_ok() { LATE } else { NOT_DONE }
    }
}

fn back(account: &str, place: &str, language: Language, done: &str) -> Reply {
    let account = view::escaped(account);
    Reply::see_other(format!("{PANEL_PREFIX}/{account}{place}?language={}&done={done}", language.code()))
}

fn missing(language: Language) -> Reply {
    render(404, &MissingPage { desk: Desk::new("", "", language, "") })
}

fn language_of(request: &Request) -> Language {
    Language::of_code(word(request, "language")).unwrap_or(Language::Spanish)
}

/// A plain word of the query.
fn word<'a>(request: &'a Request, name: &str) -> &'a str {
    let mut pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}
