//! The only writer of a transaction's status, and what a change means outside: ledger, storage, notices, schedule.

use simulation::ledger::Entry;
use simulation::{Timestamp, World};

use crate::account::{Merchant, NoticeOrder, Told};
use crate::course::decimal;
use crate::judge::Known;
use crate::notices;
use crate::order::Order;
use crate::storage::{Face, Status as StorageStatus, Storage};
use crate::transaction::{Interface, Status, Transaction};
use crate::vault::{NewCard, Vault};
use crate::{CaratEsitef, PROVIDER, TRANSACTIONS_KEPT, identifiers, instant};

impl CaratEsitef {
    /// Creates a transaction, and a storage transaction beside it when a card is to be kept.
    pub(super) fn create(
        &mut self,
        merchant: &Merchant,
        interface: Interface,
        order: Order,
        world: &mut dyn World,
    ) -> String {
        let now = world.now();
        let nit = identifiers::nit(world);
        let settings = &merchant.settings;
        let nita = order.keep_for.clone().map(|customer| {
            let storage = Storage {
                ids: identifiers::storage(settings.shapes, settings.profile, now, world),
                merchant: merchant.name.clone(),
                nit: Some(nit.clone()),
                merchant_usn: order.merchant_usn.clone(),
                customer,
                status: StorageStatus::Open,
                authorizer: order.authorizer,
                face: None,
                waiting: None,
                notices: Default::default(),
            };
            let nita = storage.ids.nita.clone();
            self.storages.insert(nita.clone(), storage);
            nita
        });
        let transaction = Transaction {
            nit: nit.clone(),
            merchant: merchant.name.clone(),
            interface,
            authorizer: order.authorizer,
            order,
            esitef_usn: self.next_usn(now),
            status: Status::New,
            created_at: now,
            changed_at: now,
            seen_at: now,
            expires_at: instant::seconds_after(now, settings.nit_life_s),
            idle_s: settings.idle_s,
            nita,
            answer: None,
            wrong_cards: 0,
            confirmed_amount: None,
            capture: None,
            refunded: 0,
            language: settings.language,
            notices: Default::default(),
        };
        self.forget_oldest();
        let owned = |text: &String| (merchant.name.clone(), text.clone());
        self.latest_of_order.extend(transaction.order.order_id.as_ref().map(owned).zip(Some(nit.clone())));
        self.numbers.extend(transaction.order.merchant_usn.as_ref().map(owned));
        self.arrivals.push_back(nit.clone());
        self.transactions.insert(nit.clone(), transaction);
        self.plan(&nit);
        nit
    }

    /// What is known of an order before it is created.
    pub(super) fn known(&self, merchant: &str, order: &Order) -> Known {
        let key = |text: &String| (merchant.to_owned(), text.clone());
        let latest = order.order_id.as_ref().and_then(|order_id| self.latest_of_order.get(&key(order_id)));
        Known {
            order: latest.and_then(|nit| self.transactions.get(nit)).map(|transaction| transaction.status),
            is_number_used: order
                .merchant_usn
                .as_ref()
                .is_some_and(|number| self.numbers.contains(&key(number))),
        }
    }

    /// Moves a transaction to another status and does what follows; `false` when that is no allowed move.
    pub(super) fn change(&mut self, nit: &str, next: Status, at: Timestamp, world: &mut dyn World) -> bool {
        let Some(transaction) = self.transactions.get_mut(nit) else { return false };
        let before = transaction.status;
        if !before.may_become(next) {
            return false;
        }
        transaction.status = next;
        transaction.changed_at = at;
        transaction.seen_at = at;
        if let Some(state) = charge_state(before, next, transaction.is_preauthorization()) {
            book(transaction, "charge", state, transaction.amount(), at, world);
        }
        self.plan(nit);
        self.settle_storage(nit, world);
        self.tell(nit, world);
        true
    }

    /// The payer did something on the page.
    pub(super) fn see(&mut self, nit: &str, world: &mut dyn World) {
        let now = world.now();
        let Some(transaction) = self.transactions.get_mut(nit) else { return };
        transaction.seen_at = now;
        if transaction.status == Status::New {
            self.change(nit, Status::Waiting, now, world);
        } else {
            self.plan(nit);
        }
    }

    /// Does what was due at `at`.
    pub(super) fn come_due(&mut self, nit: &str, at: Timestamp, world: &mut dyn World) {
        let due = self.transactions.get(nit).and_then(Transaction::due).filter(|(due, _)| *due <= at);
        match due {
            Some((_, next)) => {
                self.change(nit, next, at, world);
            }
            None => self.plan(nit),
        }
    }

    /// Plans what happens next by itself.
    fn plan(&mut self, nit: &str) {
        if let Some(previous) = self.scheduled.remove(nit) {
            self.schedule.remove(&(previous, nit.to_owned()));
        }
        let due = self.transactions.get(nit).and_then(Transaction::due);
        if let Some((due, _)) = due {
            self.schedule.insert((due, nit.to_owned()));
            self.scheduled.insert(nit.to_owned(), due);
        }
    }

    /// Decides the storage transaction when its payment has been decided. CA-U30: a payment that waits for its
    /// confirmation keeps the card waiting too. CA-U10: a card that may not be kept is paid with, and not kept.
    fn settle_storage(&mut self, nit: &str, world: &mut dyn World) {
        let Some(transaction) = self.transactions.get(nit) else { return };
        let Some(storage) = transaction.nita.as_ref().and_then(|nita| self.storages.get_mut(nita)) else {
            return;
        };
        if storage.status != StorageStatus::Open {
            return;
        }
        storage.authorizer = transaction.authorizer;
        match transaction.status {
            Status::New | Status::Waiting | Status::Pending | Status::Unconfirmed | Status::Reversed => {}
            Status::Confirmed => keep_card(storage, &mut self.vault, world),
            Status::Undone
            | Status::Denied
            | Status::Failed
            | Status::Blocked
            | Status::Expired
            | Status::Abandoned
            | Status::Cancelled => {
                storage.status = StorageStatus::Invalid;
                storage.waiting = None;
            }
        }
    }

    /// Tells the shop of a change, and of the storage that it decided.
    fn tell(&mut self, nit: &str, world: &mut dyn World) {
        let Some(transaction) = self.transactions.get(nit) else { return };
        let Some(merchant) = self.merchant(&transaction.merchant).cloned() else { return };
        let settings = &merchant.settings;
        let is_told = match transaction.status {
            Status::New => false,
            // CA-U44
            Status::Waiting => settings.told == Told::Every,
            Status::Pending
            | Status::Unconfirmed
            | Status::Undone
            | Status::Confirmed
            | Status::Denied
            | Status::Failed
            | Status::Blocked
            | Status::Expired
            | Status::Abandoned
            | Status::Cancelled
            | Status::Reversed => transaction.interface == Interface::Html || settings.tells_rest,
        };
        let storage = transaction.nita.as_ref().and_then(|nita| self.storages.get(nita));
        let tells_storage = storage.is_some_and(|storage| match storage.status {
            StorageStatus::Open
            | StorageStatus::Cancelled
            | StorageStatus::Deleted
            | StorageStatus::Blocked => false,
            StorageStatus::Stored | StorageStatus::Duplicate => transaction.status == Status::Confirmed,
            // CA-U16: nothing is said of a card that no confirmed payment brought.
            StorageStatus::Invalid => {
                transaction.status == Status::Confirmed
                    || (settings.tells_storage_failure && transaction.status != Status::Reversed)
            }
        });
        let nita = transaction.nita.clone().filter(|_| tells_storage);
        // CA-U15: either may come first.
        if settings.notice_order == NoticeOrder::StorageFirst {
            self.tell_storage(nita.as_deref(), &merchant, settings.storage_delay_s, world);
        }
        if is_told {
            self.tell_status(nit, &merchant, settings.status_delay_s, world);
        }
        if settings.notice_order == NoticeOrder::StatusFirst {
            self.tell_storage(nita.as_deref(), &merchant, settings.storage_delay_s, world);
        }
    }

    /// Queues a status notice.
    pub(super) fn tell_status(
        &mut self,
        nit: &str,
        merchant: &Merchant,
        delay_s: i64,
        world: &mut dyn World,
    ) {
        let Some(transaction) = self.transactions.get_mut(nit) else { return };
        let body = notices::status(transaction, &merchant.settings, world);
        if let Some(notice) =
            notices::outgoing(merchant, merchant.status_url.as_ref(), nit, body, delay_s, world)
        {
            transaction.notices.begin(notice.body.clone());
            world.notify(notice);
        }
    }

    /// Queues a storage notice.
    pub(super) fn tell_storage(
        &mut self,
        nita: Option<&str>,
        merchant: &Merchant,
        delay_s: i64,
        world: &mut dyn World,
    ) {
        let Some(storage) = nita.and_then(|nita| self.storages.get_mut(nita)) else { return };
        let Some(body) = notices::storage(storage, &merchant.settings, world) else { return };
        let (nita, url) = (storage.ids.nita.clone(), merchant.settings.storage_url.as_ref());
        if let Some(notice) = notices::outgoing(merchant, url, &nita, body, delay_s, world) {
            storage.notices.begin(notice.body.clone());
            world.notify(notice);
        }
    }

    fn forget_oldest(&mut self) {
        if self.arrivals.len() < TRANSACTIONS_KEPT {
            return;
        }
        let Some(nit) = self.arrivals.pop_front() else { return };
        if let Some(at) = self.scheduled.remove(&nit) {
            self.schedule.remove(&(at, nit.clone()));
        }
        let Some(gone) = self.transactions.remove(&nit) else { return };
        if let Some(nita) = gone.nita {
            self.storages.remove(&nita);
        }
        if let Some(order_id) = gone.order.order_id {
            let key = (gone.merchant.clone(), order_id);
            if self.latest_of_order.get(&key) == Some(&nit) {
                self.latest_of_order.remove(&key);
            }
        }
        if let Some(number) = gone.order.merchant_usn {
            self.numbers.remove(&(gone.merchant, number));
        }
    }
}

/// One line of the ledger.
pub fn book(
    transaction: &Transaction,
    kind: &str,
    state: &str,
    amount: u64,
    at: Timestamp,
    world: &mut dyn World,
) {
    world.book(Entry {
        provider: PROVIDER.into(),
        account: transaction.merchant.clone(),
        transaction: transaction.nit.clone(),
        reference: transaction.reference().to_owned(),
        kind: kind.into(),
        state: state.into(),
        amount: decimal(amount),
        currency: transaction.order.currency.clone(),
        at,
    });
}

/// What a move says about the charge; `None` when it says nothing. A pre-authorization holds money and takes none.
fn charge_state(before: Status, next: Status, is_preauthorization: bool) -> Option<&'static str> {
    match next {
        Status::Confirmed if is_preauthorization => Some("pending"),
        Status::Confirmed => Some("approved"),
        Status::Pending | Status::Unconfirmed => Some("pending"),
        Status::Denied | Status::Failed | Status::Undone => Some("rejected"),
        Status::Expired if before == Status::Pending => Some("rejected"),
        Status::New
        | Status::Waiting
        | Status::Blocked
        | Status::Expired
        | Status::Abandoned
        | Status::Cancelled
        | Status::Reversed => None,
    }
}

fn keep_card(storage: &mut Storage, vault: &mut Vault, world: &mut dyn World) {
    let card = storage
        .waiting
        .take()
        .zip(storage.authorizer.filter(|authorizer| authorizer.may_be_stored))
        .and_then(|(sealed, authorizer)| {
            let new =
                NewCard { merchant: &storage.merchant, customer: &storage.customer, authorizer, sealed };
            vault.store(new, world)
        });
    let stored = card.and_then(|(hash, is_known)| {
        let card = vault.find(&hash, &storage.merchant, world.now())?;
        let face = Face { hash: hash.clone(), bin: card.bin.clone(), last_four: card.last_four.clone() };
        Some((face, if is_known { StorageStatus::Duplicate } else { StorageStatus::Stored }))
    });
    match stored {
        Some((face, status)) => {
            storage.face = Some(face);
            storage.status = status;
        }
        None => storage.status = StorageStatus::Invalid,
    }
}
