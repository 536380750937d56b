//! The demo's stage: sandbox, hub and shop in one process, on sites of their own, speaking over HTTP only.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use hub::Settings;
use hub::settings::{ApiKey, ConsoleAccess, Contact, EventSettings, Merchant};
use payment::Account;
use payment::account::Environment;
use payment::order::Language;
use payment::profile::SettingKind;
use sandbox::{Mount, RunningSandbox, Sandbox, SandboxConfig};
use secrecy::SecretString;
use shop::market::Market;
use shop::means::{Means, MeansTexts};
use shop::{RunningShop, Shop, ShopSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::assembly::Workers;
use crate::clients::{Console, HubApi, ShopInbox, Steering};
use crate::failure::Failure;
use crate::shown::{self, Shown, ShownAccount, ShownChoice};
use crate::{assembly, commands, keys, ports, registry, web};

/// The one merchant of the stage.
const MERCHANT: &str = "tienda";
/// Who may look at the console.
const CONSOLE_USER: &str = "demo";
/// The workers look often here, so that nobody waits for a demo.
const POLL_MS: u64 = 100;
/// What every provider calls the address where most of its notices go.
const USUAL_NOTICES: &str = "notification_url";

/// What a stage is set up with.
pub struct StageSettings<'a> {
    /// Where keys, and the usual database, are.
    pub data: &'a Path,
    /// The database's address.
    pub database: SecretString,
    /// The first of the ports, three and one for each provider; 0 takes free ones.
    pub first_port: u16,
    /// Whether the shop opens a provider's page in a frame over its own, where it can.
    pub lightbox: bool,
}

/// A running stage.
pub struct Stage {
    /// Where everything is.
    pub places: Places,
    /// The console's password.
    pub console_password: String,
    shop: RunningShop,
    hub: JoinHandle<Result<(), Failure>>,
    stop: CancellationToken,
    sandbox: RunningSandbox,
}

/// Where everything is, and how it is spoken to.
#[derive(Clone)]
pub struct Places {
    /// The hub's public address.
    pub hub_url: Url,
    /// The shop's public address.
    pub shop_url: Url,
    /// The steering page.
    pub steering_url: Url,
    /// The hub's API with the merchant's key.
    pub hub: HubApi,
    /// The sandbox's steering.
    pub steering: Steering,
    /// The shop's inbox.
    pub shop: ShopInbox,
    /// The hub's console.
    pub console: Console,
    /// The provider accounts by market or by their own word, new in each run: an account of an earlier sandbox is not mistaken for one.
    pub accounts: BTreeMap<&'static str, String>,
}

struct Keys {
    master: SecretString,
    api: String,
    console_password: String,
}

struct Addresses {
    hub: SocketAddr,
    steering: SocketAddr,
    shop: SocketAddr,
    /// Each provider's, in the order in which they are shown.
    providers: Vec<SocketAddr>,
}

impl Stage {
    /// Starts everything; each part talks to the others as it would from another machine.
    ///
    /// # Errors
    /// [`Failure`] naming the port, the file or the database.
    pub async fn start(settings: StageSettings<'_>) -> Result<Self, Failure> {
        let addresses = addresses(settings.first_port).await?;
        let keys = keys_in(settings.data)?;
        let store = assembly::open(&settings.database).await?;
        let sandbox = start_sandbox(&addresses).await?;
        let places = places(&addresses, &keys).map_err(unusable)?;
        let accounts = open_accounts(&places, &addresses).await.map_err(unusable)?;

        let stop = CancellationToken::new();
        let listener = ports::listen("hub", addresses.hub).await?;
        let hub_settings = hub_settings(&places, &keys, accounts);
        let hub = assembly::hub(hub_settings, registry::providers(), store)?;
        assembly::note_agreements(&hub).await?;
        let serving = stop.clone();
        let hub = tokio::spawn(async move { assembly::serve(&hub, listener, Workers::Here, serving).await });
        let shop = Shop::start(shop_settings(&addresses, &places, &keys, settings.lightbox)).await;
        let shop = shop.map_err(|error| Failure::environment(format!("the shop does not start: {error}")));
        match shop {
            Ok(shop) => {
                let console_password = keys.console_password;
                Ok(Self { places, console_password, shop, hub, stop, sandbox })
            }
            Err(failure) => {
                stop.cancel();
                sandbox.shut_down().await;
                // What the hub says of its own end explains more than the shop that missed it.
                hub.await.map_err(|error| Failure::environment(error.to_string()))??;
                Err(failure)
            }
        }
    }

    /// Stops everything, the ones that depend on others first.
    ///
    /// # Errors
    /// [`Failure`] when the hub did not end well.
    pub async fn stop(self) -> Result<(), Failure> {
        self.shop.stop().await;
        self.stop.cancel();
        let ended = self.hub.await;
        self.sandbox.shut_down().await;
        ended.map_err(|error| Failure::environment(error.to_string()))?
    }
}

fn unusable(error: anyhow::Error) -> Failure {
    Failure::environment(format!("{error:#}"))
}

async fn addresses(first: u16) -> Result<Addresses, Failure> {
    let providers = shown::ALL.into_iter().map(|shown| shown.provider);
    let names: Vec<&str> = ["hub", "steering page", "shop"].into_iter().chain(providers).collect();
    let ports = ports::in_a_row(first, &names).await?;
    let at = |port: u16| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let [hub, steering, shop, ref providers @ ..] = ports[..] else {
        return Err(Failure::environment("some ports are missing"));
    };
    let providers = providers.iter().map(|port| at(*port)).collect();
    Ok(Addresses { hub: at(hub), steering: at(steering), shop: at(shop), providers })
}

fn keys_in(data: &Path) -> Result<Keys, Failure> {
    let read = |name: &str, make: fn() -> String| {
        let path = data.join(name);
        keys::read_or_make(&path, make).map_err(|error| {
            let shown = path.display();
            Failure::environment(format!("{shown} cannot be used ({error}): remove it, or choose --data"))
        })
    };
    Ok(Keys {
        master: SecretString::from(read("master.key", keys::new_master_key)?),
        api: read("api.key", keys::new_api_key)?,
        console_password: read("console.password", keys::new_password)?,
    })
}

async fn start_sandbox(addresses: &Addresses) -> Result<RunningSandbox, Failure> {
    let mounts = registry::simulators().into_iter().filter_map(|simulator| {
        let place = shown::ALL.iter().position(|shown| shown.provider == simulator.provider())?;
        Some(Mount::on_loopback(simulator, addresses.providers[place].port()))
    });
    let mounts = mounts.collect();
    let mut config = SandboxConfig::new(mounts);
    config.steering = addresses.steering;
    config.seed = rand::random();
    Sandbox::start(config).await.map_err(|error| commands::sandbox::failure(&error))
}

/// Each part has a site of its own, so that browsers keep them apart as they would on the web.
fn places(addresses: &Addresses, keys: &Keys) -> anyhow::Result<Places> {
    let site = |host: &str, address: SocketAddr| Url::parse(&format!("http://{host}:{}/", address.port()));
    let (hub_url, shop_url) =
        (site("caudal.localhost", addresses.hub)?, site("tienda.localhost", addresses.shop)?);
    let steering_url = site("localhost", addresses.steering)?;
    let http = web::client(false)?;
    let key = SecretString::from(keys.api.clone());
    let password = SecretString::from(keys.console_password.clone());
    let run = rand::random::<u32>();
    let named = |(_, account): (&Shown, &ShownAccount)| {
        let word = account.word();
        (word, format!("{MERCHANT}-{word}-{run:08x}"))
    };
    Ok(Places {
        hub: HubApi::new(http.clone(), hub_url.clone(), key),
        steering: Steering::new(http.clone(), steering_url.clone()),
        shop: ShopInbox::new(http, shop_url.clone()),
        console: Console::new(web::client(false)?, hub_url.clone(), MERCHANT, CONSOLE_USER, password),
        accounts: shown::accounts().map(named).collect(),
        hub_url,
        shop_url,
        steering_url,
    })
}

/// Opens the accounts through steering, as a person would on each provider's panel.
async fn open_accounts(places: &Places, addresses: &Addresses) -> anyhow::Result<Vec<Account>> {
    let mut accounts = Vec::new();
    for (shown, address) in shown::ALL.into_iter().zip(&addresses.providers) {
        for wanted in shown.accounts {
            accounts.push(open_account(places, shown, wanted, address.port()).await?);
        }
    }
    Ok(accounts)
}

async fn open_account(
    places: &Places,
    shown: &Shown,
    wanted: &ShownAccount,
    port: u16,
) -> anyhow::Result<Account> {
    let id = places.account_by(wanted.word())?;
    let (usual, opened_with) = opened_with(places, shown, wanted, id);
    let mut issued = places.steering.open_account(shown.provider, id, &usual, &opened_with).await?;
    let providers = registry::providers();
    let provider = providers.get(shown.provider).context("the shown provider is registered")?;
    let settings = wanted.settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut account = Account {
        id: id.to_owned(),
        merchant: MERCHANT.to_owned(),
        provider: shown.provider.to_owned(),
        environment: Environment::Test,
        base_url: Url::parse(&format!("http://{}:{port}/", shown.host))?,
        credentials: [].into(),
        secrets: [].into(),
        settings: settings.collect(),
    };
    for setting in provider.profile().settings {
        let Some(value) = issued.remove(setting.name) else { continue };
        let name = setting.name.to_owned();
        match setting.kind {
            SettingKind::Secret => {
                account.secrets.insert(name, vec![SecretString::from(value)]);
            }
            SettingKind::Credential => {
                account.credentials.insert(name, value);
            }
            SettingKind::OneOf(_) | SettingKind::Number { .. } | SettingKind::Text => {
                account.settings.entry(name).or_insert(value);
            }
        }
    }
    Ok(account)
}

/// The usual address of an account's notices, and all else that it is opened with.
fn opened_with<'a>(
    places: &Places,
    shown: &Shown,
    wanted: &'a ShownAccount,
    id: &str,
) -> (String, BTreeMap<&'a str, String>) {
    let at = |more: &[&str]| {
        crate::clients::below(&places.hub_url, &[&["notices", shown.provider, id], more].concat()).to_string()
    };
    let mut settings: BTreeMap<&str, String> =
        wanted.opened_with.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    settings.extend(shown.notice_routes.iter().map(|(name, route)| (*name, at(&[route]))));
    let usual = settings.remove(USUAL_NOTICES).unwrap_or_else(|| at(&[]));
    (usual, settings)
}

fn hub_settings(places: &Places, keys: &Keys, accounts: Vec<Account>) -> Settings {
    Settings {
        public_url: places.hub_url.clone(),
        is_production: false,
        merchants: vec![Merchant {
            id: MERCHANT.to_owned(),
            name: "Tienda Imaginaria".to_owned(),
            api_keys: vec![ApiKey {
                name: "demo".to_owned(),
                sha256: keys::sha256(&keys.api),
                is_revoked: false,
            }],
            contact: Contact {
                email: Some("ayuda@tienda.example".to_owned()),
                phone: Some("6015550100".to_owned()),
            },
            language: Language::Es,
            zone: "America/Bogota".to_owned(),
        }],
        accounts,
        limits: BTreeMap::new(),
        console: Some(ConsoleAccess {
            user: CONSOLE_USER.to_owned(),
            password_sha256: keys::sha256(&keys.console_password),
        }),
        events: EventSettings { allow_private_targets: true, timeout_ms: 10_000 },
        trusted_proxies: Vec::new(),
        clock_follow: Some(places.steering_url.clone()),
        master_key: keys.master.clone(),
        poll_ms: POLL_MS,
        // Nothing in front of a demo follows `/readyz`.
        drain_ms: 0,
    }
}

fn shop_settings(addresses: &Addresses, places: &Places, keys: &Keys, lightbox: bool) -> ShopSettings {
    ShopSettings {
        listen: addresses.shop,
        public_url: Some(places.shop_url.clone()),
        hub_url: places.hub_url.clone(),
        api_key: SecretString::from(keys.api.clone()),
        name: "Tienda Imaginaria".to_owned(),
        means: shown::accounts()
            .filter(|(_, account)| account.apart.is_none())
            .flat_map(|(shown, account)| choices(places, shown, account, lightbox))
            .collect(),
        lightbox,
        contact_email: "ayuda@tienda.example".to_owned(),
        contact_phone: "6015550100".to_owned(),
        clock_follow: Some(places.steering_url.clone()),
    }
}

/// The ways of paying by an account among which shoppers choose in the shop. Where the provider's page opens in a frame, each
/// way is a choice: only those that lead no further can.
fn choices(places: &Places, shown: &Shown, account: &ShownAccount, lightbox: bool) -> Vec<Means> {
    let whole = means(places, shown, account);
    if !lightbox || account.choices.is_empty() {
        return vec![whole];
    }
    let provider = registry::providers().get(shown.provider).and_then(|provider| provider.storefront());
    let choice = |choice: &ShownChoice| {
        let mut means = Means {
            id: format!("{}-{}", shown.provider, choice.word),
            methods: choice.methods.iter().map(|method| (*method).to_owned()).collect(),
            is_card: choice.is_card,
            keeps_cards: whole.keeps_cards && choice.is_card,
            takes_parts: whole.takes_parts && choice.is_card,
            ..whole.clone()
        };
        for (texts, language) in means.texts.iter_mut().zip([Language::Es, Language::Pt, Language::En]) {
            let label = provider.and_then(|storefront| storefront.label(choice.label, language));
            texts.method = label.unwrap_or_default().to_owned();
        }
        means
    };
    account.choices.iter().map(choice).collect()
}

/// An account as the shop offers it, in the words that its provider is told about by.
fn means(places: &Places, shown: &Shown, account: &ShownAccount) -> Means {
    let providers = registry::providers();
    let provider = providers.get(shown.provider);
    let brand = provider.map_or(shown.provider, |provider| provider.profile().brand);
    let storefront = provider.and_then(|provider| provider.storefront());
    let texts = [Language::Es, Language::Pt, Language::En].map(|language| {
        let label = |name: &str| {
            let text = storefront.and_then(|storefront| storefront.label(name, language));
            text.unwrap_or_default().to_owned()
        };
        let steps = storefront.into_iter().flat_map(|storefront| storefront.how_to_pay(language));
        let questions = storefront.into_iter().flat_map(|storefront| storefront.questions(language));
        MeansTexts {
            method: label("method"),
            before_paying: label("before_paying"),
            after_paying: label("after_paying"),
            steps: steps.map(str::to_owned).collect(),
            questions: questions.map(|asked| (asked.question.to_owned(), asked.answer.to_owned())).collect(),
        }
    });
    Means {
        id: shown.provider.to_owned(),
        market: account.market,
        account: places.accounts.get(account.word()).cloned(),
        brand: brand.to_owned(),
        is_card: account.is_card,
        methods: Vec::new(),
        keeps_cards: account.keeps_cards,
        keeps_without_charge: provider.is_some_and(|provider| provider.keeps_without_charge()),
        takes_parts: account.takes_parts,
        texts,
    }
}

impl Places {
    /// The account by which the shop sells in a market.
    ///
    /// # Errors
    /// When no provider is shown there.
    pub fn account(&self, market: Market) -> anyhow::Result<&str> {
        self.account_by(market.word())
    }

    /// An account by the word of its market, or by its own.
    ///
    /// # Errors
    /// When there is none.
    pub fn account_by(&self, word: &str) -> anyhow::Result<&str> {
        let account = self.accounts.get(word);
        account.map(String::as_str).with_context(|| format!("the merchant has no account for {word}"))
    }
}

/// The name that the console asks for.
pub const fn console_user() -> &'static str {
    CONSOLE_USER
}
