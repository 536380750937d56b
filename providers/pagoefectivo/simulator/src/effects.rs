//! What happens to a CIP, and what the world is told of it: mails, reminders, notices, the ledger.

use simulation::ledger::Entry;
use simulation::{NoticeOutcome, OutgoingNotice, Timestamp, World};

use crate::account::Merchant;
use crate::cip::{Cip, Payment, State};
use crate::notice::{Attempt, Notice, Variant};
use crate::order::Order;
use crate::{CIPS_KEPT, PROVIDER, PagoEfectivo, lima, messages, random};

/// Notices remembered of one CIP.
const NOTICES_KEPT: usize = 50;
/// Digits of a centre's operation number.
const OPERATION_DIGITS: u32 = 7;

/// Why a CIP is not paid or no notice is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hindrance {
    /// Nobody has that CIP.
    #[error("the CIP is not known")]
    Unknown,
    /// PE-U33: the centre refuses a CIP that is not payable.
    #[error("the CIP is not payable: it is {}", .0.word())]
    NotPayable(State),
    /// There is nothing to tell yet.
    #[error("the CIP was not paid")]
    NotPaid,
    /// The account has no address for notices.
    #[error("the account has no notification_url")]
    NoAddress,
    /// PE-U55: the account's notices go to HTTPS only.
    #[error("the account's notices are not sent over plain HTTP")]
    PlainHttp,
    /// The CIP has told enough.
    #[error("a CIP sends {NOTICES_KEPT} notices at most")]
    TooMany,
}

impl PagoEfectivo {
    /// Makes a CIP and answers its number.
    pub(crate) fn make_cip(
        &mut self,
        order: Order,
        merchant: &Merchant,
        origin: &str,
        world: &mut dyn World,
    ) -> u64 {
        let now = world.now();
        self.forget_oldest();
        let number = self.free_number(merchant.settings.cip_digits, world);
        let guid = random::guid(world).to_uppercase();
        let mut cip = Cip {
            number,
            merchant: merchant.name.clone(),
            url: format!("{origin}/{guid}.html"),
            guid,
            expires_at: order.expires_at,
            order,
            created_at: now,
            payment: None,
            removed_at: None,
            reminder_at: None,
            is_reminded: false,
            messages: Vec::new(),
            notices: Vec::new(),
        };
        messages::send_generation(&mut cip, merchant, world);
        self.by_guid.insert(cip.guid.clone(), number);
        self.made.push_back(number);
        self.cips.insert(number, cip);
        self.plan_reminder(number, now);
        number
    }

    /// Whether a CIP of this service had the same transactionCode.
    pub(crate) fn is_transaction_known(&self, merchant: &str, order: &Order) -> bool {
        let same =
            |cip: &Cip| cip.merchant == merchant && cip.order.transaction_code == order.transaction_code;
        self.made.iter().rev().take(1_000).filter_map(|number| self.cips.get(number)).any(same)
    }

    /// Moves a CIP's end. PE-U52: a reminder that did not go out is planned anew.
    pub(crate) fn move_expiry(&mut self, number: u64, expires_at: Timestamp, world: &mut dyn World) {
        if let Some(cip) = self.cips.get_mut(&number) {
            cip.expires_at = expires_at;
            self.plan_reminder(number, world.now());
        }
    }

    /// Deletes a CIP; its page is gone, nobody is told.
    pub(crate) fn remove_cip(&mut self, number: u64, now: Timestamp) {
        if let Some(cip) = self.cips.get_mut(&number) {
            cip.removed_at = Some(now);
        }
    }

    /// Sends a CIP's reminders, or writes down why not.
    pub(crate) fn remind(&mut self, number: u64, world: &mut dyn World) {
        let Some(cip) = self.cips.get_mut(&number) else { return };
        let Some(merchant) = self.merchants.iter().find(|merchant| merchant.name == cip.merchant) else {
            return;
        };
        cip.reminder_at = None;
        cip.is_reminded = true;
        messages::send_reminders(cip, merchant, world);
    }

    /// A payer pays at a centre: money moves, and the merchant is told. `paid_at` is now, or an instant of the
    /// past at which the centre took the money and was not yet able to say so (PE-U41: that stands, even when
    /// the CIP has expired since).
    pub(crate) fn pay(
        &mut self,
        number: u64,
        channel: &str,
        paid_at: Timestamp,
        world: &mut dyn World,
    ) -> Result<(), Hindrance> {
        let cip = self.cips.get_mut(&number).ok_or(Hindrance::Unknown)?;
        let state = cip.state(paid_at);
        if state != State::Generated {
            return Err(Hindrance::NotPayable(state));
        }
        let operation_number = random::digits(world, OPERATION_DIGITS).to_string();
        world.book(Entry {
            provider: PROVIDER.into(),
            account: cip.merchant.clone(),
            transaction: operation_number.clone(),
            reference: cip.order.transaction_code.clone(),
            kind: "charge".into(),
            state: "approved".into(),
            amount: cip.order.amount.to_fixed(2),
            currency: cip.order.currency.clone(),
            at: paid_at,
        });
        cip.payment = Some(Payment { at: paid_at, channel: channel.to_owned(), operation_number });
        // Without an address there is nobody to tell; the money moved all the same.
        match self.tell(number, Variant::Genuine, world) {
            Ok(()) | Err(Hindrance::NoAddress | Hindrance::PlainHttp) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Sends a notice of a paid CIP.
    pub(crate) fn tell(
        &mut self,
        number: u64,
        variant: Variant,
        world: &mut dyn World,
    ) -> Result<(), Hindrance> {
        let cip = self.cips.get_mut(&number).ok_or(Hindrance::Unknown)?;
        let payment = cip.payment.clone().ok_or(Hindrance::NotPaid)?;
        let merchant = self.merchants.iter().find(|merchant| merchant.name == cip.merchant);
        let merchant = merchant.ok_or(Hindrance::Unknown)?;
        if cip.notices.len() >= NOTICES_KEPT {
            return Err(Hindrance::TooMany);
        }
        let url = merchant.notification_url.clone().ok_or(Hindrance::NoAddress)?;
        let mut notice = Notice::write(variant, cip, &payment, merchant);
        if url.starts_with("http:") && !merchant.settings.plain_http_notices {
            let outcome = NoticeOutcome {
                at: world.now(),
                status: None,
                answer_start: String::new(),
                failure: Some("not sent: the address is plain HTTP".into()),
            };
            notice.attempts.push(Attempt { due_at: world.now(), outcome: Some(outcome) });
            cip.notices.push(notice);
            return Err(Hindrance::PlainHttp);
        }
        let copies = if variant == Variant::Concurrent { 2 } else { 1 };
        for _ in 0..copies {
            world.notify(notice.attempt(number, &merchant.name, &url, world.now()));
        }
        cip.notices.push(notice);
        Ok(())
    }

    /// Hears how an attempt ended, and plans the next where one is due.
    pub(crate) fn end_attempt(
        &mut self,
        sent: &OutgoingNotice,
        outcome: &NoticeOutcome,
        world: &mut dyn World,
    ) {
        let number = sent.about.parse().unwrap_or_default();
        let Some(cip) = self.cips.get_mut(&number) else { return };
        let Some(merchant) = self.merchants.iter().find(|merchant| merchant.name == cip.merchant) else {
            return;
        };
        let under_way =
            || cip.notices.iter().enumerate().filter(|(_, notice)| notice.is_under_way(outcome.at));
        // A hardship may have changed bytes or signature; then it is the oldest that is under way.
        let same = under_way().find(|(_, notice)| notice.is_sent_as(sent));
        let Some((place, _)) = same.or_else(|| under_way().next()) else { return };
        let notice = &mut cip.notices[place];
        if let Some(seconds) = notice.end_attempt(outcome, &merchant.settings.notice_retries_s) {
            let due_at = lima::seconds_after(world.now(), i64::from(seconds));
            world.notify(notice.attempt(number, &merchant.name, &sent.url, due_at));
        }
    }

    fn plan_reminder(&mut self, number: u64, now: Timestamp) {
        let Some(cip) = self.cips.get_mut(&number) else { return };
        let Some(merchant) = self.merchants.iter().find(|merchant| merchant.name == cip.merchant) else {
            return;
        };
        if cip.is_reminded {
            return;
        }
        if let Some(at) = cip.reminder_at.take() {
            self.reminders.remove(&(at, number));
        }
        let at = messages::reminder_at(cip.created_at, cip.expires_at, &merchant.settings);
        cip.reminder_at = at.map(|at| at.max(now));
        self.reminders.extend(cip.reminder_at.map(|at| (at, number)));
    }

    fn free_number(&self, digits: u32, world: &mut dyn World) -> u64 {
        loop {
            let number = random::digits(world, digits);
            if !self.cips.contains_key(&number) {
                return number;
            }
        }
    }

    fn forget_oldest(&mut self) {
        if self.made.len() < CIPS_KEPT {
            return;
        }
        let Some(cip) = self.made.pop_front().and_then(|number| self.cips.remove(&number)) else { return };
        self.by_guid.remove(&cip.guid);
        if let Some(at) = cip.reminder_at {
            self.reminders.remove(&(at, cip.number));
        }
    }
}
