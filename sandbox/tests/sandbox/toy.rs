//! A provider small enough to know by heart: it charges, tells, and does things later.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};
use simulation::guide::{Chapter, Example, GuideTable};
use simulation::inbox::Message;
use simulation::ledger::Entry;
use simulation::{
    Account, Command, CommandError, Guide, NewAccount, NoticeOutcome, OutgoingNotice, Reply, Request,
    Simulator, Timestamp, World,
};

/// A published test card whose check digit is wrong, as some of the real ones are.
pub const PUBLISHED: &str = "4000000000000001";

#[derive(Default)]
pub struct Toy {
    pub accounts: Vec<Account>,
    pub charges: u64,
    pub later: Vec<Timestamp>,
    pub stays_due: bool,
    pub heard: Vec<NoticeOutcome>,
}

impl Toy {
    fn pay(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        let order: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        self.charges += 1;
        let id = self.charges.to_string();
        let card = order["card"]["number"].as_str().unwrap_or_default();
        let canary = world.canary(card);
        world.verdict("card_is_known", canary.is_some(), &format!("the card was {card}"));
        self.book(&id, order["reference"].as_str().unwrap_or_default(), world);
        let account =
            self.accounts.iter().find(|account| Some(account.name.as_str()) == request.header("x-account"));
        if let Some(url) = account.and_then(|account| account.notification_url.clone()) {
            world.notify(OutgoingNotice {
                account: account.map(|account| account.name.clone()).unwrap_or_default(),
                about: id.clone(),
                url,
                due_at: world.now(),
                headers: vec![
                    ("Content-Type".into(), "application/json".into()),
                    ("X-Signature".into(), "0a1b".into()),
                ],
                body: format!(
                    r#"{{"id":{id},"status":{{"status":"APPROVED"}},"amount":1.50,"signature":"sha1:00ff"}}"#
                )
                .into_bytes(),
                from: account.and_then(|account| account.settings.get("from")?.parse().ok()),
            });
        }
        world.mail(Message {
            channel: "email".into(),
            provider: "toypay".into(),
            to: "buyer@shop.example".into(),
            subject: "Recibo <de prueba>".into(),
            text: format!("Cargo {id}"),
            at: world.now(),
        });
        Reply::json(200, format!(r#"{{"id":{id},"amount":1.50,"status":"APPROVED","card":"{card}"}}"#))
    }

    fn book(&self, id: &str, reference: &str, world: &mut dyn World) {
        world.book(Entry {
            provider: "toypay".into(),
            account: "shop".into(),
            transaction: id.into(),
            reference: reference.into(),
            kind: "charge".into(),
            state: "approved".into(),
            amount: "1.50".into(),
            currency: "COP".into(),
            at: world.now(),
        });
    }
}

impl Simulator for Toy {
    fn provider(&self) -> &'static str {
        "toypay"
    }

    fn operation(&self, request: &Request) -> &'static str {
        match request.path.as_str() {
            "/pay" => "pay",
            "/random" => "random",
            "/ask" => "ask",
            _ => "page",
        }
    }

    fn account_of(&self, request: &Request) -> Option<String> {
        request.header("x-account").map(str::to_owned)
    }

    fn open_account(&mut self, wanted: NewAccount, world: &mut dyn World) -> Result<Account, CommandError> {
        if wanted.name.is_empty() || self.accounts.iter().any(|account| account.name == wanted.name) {
            return Err(CommandError("the name is empty or taken".into()));
        }
        let mut key = [0; 4];
        world.random(&mut key);
        let account = Account {
            name: wanted.name,
            notification_url: wanted.notification_url,
            credentials: BTreeMap::from([
                ("secret_key".into(), format!("{key:02x?}")),
                ("address".into(), world.origin()),
            ]),
            settings: wanted.settings,
        };
        self.accounts.push(account.clone());
        Ok(account)
    }

    fn accounts(&self) -> Vec<Account> {
        self.accounts.clone()
    }

    fn handle(&mut self, request: &Request, world: &mut dyn World) -> Reply {
        match self.operation(request) {
            "pay" => self.pay(request, world),
            "random" => {
                let mut bytes = [0; 8];
                world.random(&mut bytes);
                Reply::json(200, format!("{bytes:?}"))
            }
            "ask" => {
                let account = self.accounts.first().cloned().expect("an account");
                world.verdict("asked", true, "");
                world.ask_before_answer(OutgoingNotice {
                    account: account.name,
                    about: "question".into(),
                    url: account.notification_url.expect("an address"),
                    due_at: world.now(),
                    headers: vec![],
                    body: b"really?".to_vec(),
                    from: None,
                });
                Reply::json(500, "never sent")
            }
            _ => Reply::html(200, format!("<p>{} at {}</p>", request.path, request.origin)),
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        if self.stays_due { Some(Timestamp::UNIX_EPOCH) } else { self.later.iter().min().copied() }
    }

    fn wake(&mut self, world: &mut dyn World) {
        let now = world.now();
        for due in self.later.extract_if(.., |due| *due <= now).collect::<Vec<_>>() {
            self.book("later", &due.to_string(), world);
        }
    }

    fn commands(&self) -> &'static [(&'static str, &'static str)] {
        &[("later", "Hace un cargo en el instante dado.")]
    }

    fn command(&mut self, command: &Command, _world: &mut dyn World) -> Result<Value, CommandError> {
        if command.name != "later" {
            return Err(CommandError(format!("no command {}", command.name)));
        }
        let at = command.arguments["at"].as_str().and_then(|text| text.parse().ok());
        self.later.push(at.ok_or_else(|| CommandError("`at` is missing".into()))?);
        Ok(json!({ "waiting": self.later.len() }))
    }

    fn reset(&mut self) {
        self.charges = 0;
        self.later.clear();
    }

    /// Tries again after a minute, as often as the account's setting `tries` says in all.
    fn notice_ended(&mut self, notice: &OutgoingNotice, outcome: &NoticeOutcome, world: &mut dyn World) {
        self.heard.push(outcome.clone());
        let account = self.accounts.iter().find(|account| account.name == notice.account);
        let tries = account.and_then(|account| account.settings.get("tries")?.parse().ok()).unwrap_or(1);
        if outcome.status != Some(202) && self.heard.len() < tries {
            let due_at = world.now() + SignedDuration::from_mins(1);
            world.notify(OutgoingNotice { due_at, ..notice.clone() });
        }
    }

    fn answer_after(
        &mut self,
        question: &OutgoingNotice,
        outcome: &NoticeOutcome,
        world: &mut dyn World,
    ) -> Reply {
        self.book(&question.about, "answered", world);
        Reply::json(200, format!(r#"{{"status":{:?}}}"#, outcome.status))
    }

    fn guide(&self, now: Timestamp) -> Option<Guide> {
        Some(Guide {
            title: "Toy Pay <demostración>".into(),
            chapters: vec![Chapter {
                title: "Cómo funciona".into(),
                paragraphs: vec![format!("Se escribió a las {now}.")],
                tables: vec![GuideTable::new("Códigos", ["Código"], [["APPROVED".into()]])],
            }],
            test_data: vec![GuideTable::new(
                "Tarjetas",
                ["Número", "Resultado"],
                [[PUBLISHED.into(), "pagada".into()]],
            )],
            requests: vec![Example {
                name: "pay".into(),
                note: "Paga".into(),
                method: "POST".into(),
                path: "/pay".into(),
                headers: vec![("x-account".into(), "shop".into())],
                body: r#"{"reference":"ORDER-1"}"#.into(),
            }],
        })
    }

    fn published_cards(&self) -> Vec<String> {
        vec![PUBLISHED.into()]
    }
}
