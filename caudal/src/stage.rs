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
use shop::{RunningShop, Shop, ShopSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::assembly::Workers;
use crate::clients::{HubApi, ShopInbox, Steering};
use crate::failure::Failure;
use crate::registry::{self, SHOWN};
use crate::{assembly, commands, keys, ports, web};

/// The one merchant of the stage.
const MERCHANT: &str = "tienda";
/// Who may look at the console.
const CONSOLE_USER: &str = "demo";
/// The workers look often here, so that nobody waits for a demo.
const POLL_MS: u64 = 100;

/// What a stage is set up with.
pub struct StageSettings<'a> {
    /// Where keys, and the usual database, are.
    pub data: &'a Path,
    /// The database's address.
    pub database: SecretString,
    /// The first of four ports; 0 takes free ones.
    pub first_port: u16,
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
    /// The provider account, new in each run: an account of an earlier sandbox is not mistaken for it.
    pub account: String,
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
    provider: SocketAddr,
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
        let account = open_account(&places, &addresses).await.map_err(unusable)?;

        let stop = CancellationToken::new();
        let listener = ports::listen("hub", addresses.hub).await?;
        let hub_settings = hub_settings(&places, &keys, account);
        let hub = assembly::hub(hub_settings, registry::providers(), store)?;
        let serving = stop.clone();
        let hub = tokio::spawn(async move { assembly::serve(&hub, listener, Workers::Here, serving).await });
        let shop = Shop::start(shop_settings(&addresses, &places, &keys)).await;
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
    let ports = ports::in_a_row(first, &["hub", "steering page", "shop", "provider"]).await?;
    let at = |port: u16| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let [hub, steering, shop, provider] = ports[..] else {
        return Err(Failure::environment("four ports were wanted"));
    };
    Ok(Addresses { hub: at(hub), steering: at(steering), shop: at(shop), provider: at(provider) })
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
    let shown = registry::simulators().into_iter().filter(|simulator| simulator.provider() == SHOWN.provider);
    let mounts = shown.map(|simulator| Mount::on_loopback(simulator, addresses.provider.port())).collect();
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
    Ok(Places {
        hub: HubApi::new(http.clone(), hub_url.clone(), key),
        steering: Steering::new(http.clone(), steering_url.clone()),
        shop: ShopInbox::new(http, shop_url.clone()),
        account: format!("{MERCHANT}-{:08x}", rand::random::<u32>()),
        hub_url,
        shop_url,
        steering_url,
    })
}

/// Opens the account through steering, as a person would on the provider's panel.
async fn open_account(places: &Places, addresses: &Addresses) -> anyhow::Result<Account> {
    let notices = crate::clients::below(&places.hub_url, &["notices", SHOWN.provider, &places.account]);
    let mut issued = places.steering.open_account(SHOWN.provider, &places.account, notices.as_str()).await?;
    let providers = registry::providers();
    let provider = providers.get(SHOWN.provider).context("the shown provider is registered")?;
    let mut account = Account {
        id: places.account.clone(),
        merchant: MERCHANT.to_owned(),
        provider: SHOWN.provider.to_owned(),
        environment: Environment::Test,
        base_url: Url::parse(&format!("http://{}:{}/", SHOWN.host, addresses.provider.port()))?,
        credentials: [].into(),
        secrets: [].into(),
        settings: [].into(),
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
                account.settings.insert(name, value);
            }
        }
    }
    Ok(account)
}

fn hub_settings(places: &Places, keys: &Keys, account: Account) -> Settings {
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
        accounts: vec![account],
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

fn shop_settings(addresses: &Addresses, places: &Places, keys: &Keys) -> ShopSettings {
    let brand =
        registry::providers().get(SHOWN.provider).map_or(SHOWN.provider, |known| known.profile().brand);
    ShopSettings {
        listen: addresses.shop,
        public_url: Some(places.shop_url.clone()),
        hub_url: places.hub_url.clone(),
        api_key: SecretString::from(keys.api.clone()),
        name: "Tienda Imaginaria".to_owned(),
        payment_brand: brand.to_owned(),
        contact_email: "ayuda@tienda.example".to_owned(),
        contact_phone: "6015550100".to_owned(),
        clock_follow: Some(places.steering_url.clone()),
    }
}

/// The name that the console asks for.
pub const fn console_user() -> &'static str {
    CONSOLE_USER
}
