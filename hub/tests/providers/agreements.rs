//! What was agreed upon with a provider: kept with who confirmed it, and changed by another agreement only.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use hub::flow::{AgreementError, note_agreements};
use hub::settings::ConsoleAccess;
use hub::store::Store;
use hub::{Clock, Hub, Providers};
use pagoefectivo_client::PagoEfectivo;
use pagoefectivo_simulator::PagoEfectivo as Simulated;
use payment::account::Environment;
use testing::TestDatabase;

use crate::pagoefectivo::order;
use crate::support::stage::{Cast, MERCHANT, Stage};

const ACCOUNT: &str = "tienda-acordada";
const PASSWORD: &str = "una clave de operador";

/// The same hub with another maximum, as it would begin.
async fn begin(
    stage: &Stage,
    database: &TestDatabase,
    maximum: &str,
    agreement: &str,
) -> Result<(), AgreementError> {
    let mut settings = stage.hub.settings.clone();
    for (name, value) in [("maximum_pen", maximum), ("maximum_pen_agreement", agreement)] {
        settings.accounts[0].settings.insert(name.into(), value.into());
    }
    let store = Store::connect(&database.url).await.expect("the database");
    let providers = Providers::new(vec![Arc::new(PagoEfectivo)]);
    let hub = Hub::new(settings, providers, Clock::frozen(stage.hub.clock.now()), store).expect("a hub");
    note_agreements(&hub).await
}

testing::both_databases! {
    async fn a_maximum_changes_by_another_agreement_only_and_each_is_kept_and_shown(database: TestDatabase) {
        let cast =
            Cast { protocol: Arc::new(PagoEfectivo), simulator: Box::new(Simulated::new()), account: ACCOUNT, order };
        let sha256 = digest(&SHA256, PASSWORD.as_bytes()).as_ref().try_into().expect("32 bytes");
        let console = ConsoleAccess { user: "operadora".into(), password_sha256: sha256 };
        let stage =
            Stage::build(&database, cast, |_| {}, Environment::Test, |settings| settings.console = Some(console)).await;

        begin(&stage, &database, "", "").await.expect("nothing was agreed yet");
        begin(&stage, &database, "1000000", "2026-02-20; Ana Prueba; Acta 7").await.expect("the first agreement");
        begin(&stage, &database, "1000000", "2026-02-20; Ana Prueba; Acta 7").await.expect("the same again");
        for (maximum, agreement) in [
            ("2000000", "2026-02-20; Ana Prueba; Acta 7"),
            ("2000000", "Acta 8"),
            ("2000000", ""),
            ("", "2026-02-20; Ana Prueba; Acta 7"),
            ("", ""),
        ] {
            let refused = begin(&stage, &database, maximum, agreement).await;
            assert!(matches!(refused, Err(AgreementError::NotAgreed { .. })), "{maximum} {agreement}: {refused:?}");
        }
        begin(&stage, &database, "2000000", "2026-03-10; Luis Ensayo; Acta 8").await.expect("another agreement");

        let record = stage.hub.store.agreements(MERCHANT).await.expect("the record");
        let lines: Vec<_> = record
            .iter()
            .map(|line| (line.value.as_str(), line.agreed_on.as_str(), line.author.as_str(), line.document.as_str()))
            .collect();
        let expected = [
            ("1000000", "2026-02-20", "Ana Prueba", "Acta 7"),
            ("2000000", "2026-03-10", "Luis Ensayo", "Acta 8"),
        ];
        assert_eq!(lines, expected);
        let page = format!("{}/console/{MERCHANT}/accounts", stage.hub_url);
        let asked = stage.browser.get(page).basic_auth("operadora", Some(PASSWORD)).send().await.expect("the console");
        let html = asked.text().await.expect("a page");
        for shown in ["maximum_pen", "2000000", "2026-03-10", "Luis Ensayo", "Acta 8", "Ana Prueba", "Acta 7"] {
            assert!(html.contains(shown), "{shown}");
        }
        testing::covers!("PE-18");
    }
}
