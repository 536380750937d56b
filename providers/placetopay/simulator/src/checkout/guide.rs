//! What a developer reads first: documentation, test data, requests to try.

use simulation::guide::{Chapter, Example, GuideTable};
use simulation::{Guide, Timestamp};

use super::account::{Merchant, Settings};
use super::banks::{self, BankState};
use super::cards;
use super::create::seconds_after;
use super::documents;
use super::page::labels;
use super::page::view_words::behaviour;
use super::texts::Language;
use super::{reasons, steering};
use crate::authentication;
use crate::instant;

const EXAMPLES: &str = include_str!("../../data/examples.txt");

/// What stands for the credentials while there is no account.
const LOGIN: &str = "LOGIN";
const SECRET: &str = "SECRET_KEY";
/// The raw nonce of the examples; a real client makes one for each call.
const NONCE: &str = "94837261504938271605";
/// Where the shopper is and comes back to.
const SHOPPER: &str = "\"returnUrl\": \"http://tienda.localhost/retorno\",\n  \"ipAddress\": \"203.0.113.24\",\n  \
                       \"userAgent\": \"Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0\"";
/// Seconds that the sessions of the examples live.
const LIFE_S: i64 = 1_200;

/// The guide at this time; its requests carry the credentials of an account when there is one.
pub fn guide(merchant: Option<&Merchant>, now: Timestamp) -> Guide {
    Guide {
        title: "Aval Pay: WebCheckout de PlacetoPay".into(),
        chapters: vec![steps(), services(), notices(), reversals(), recurrences(), settings()],
        test_data: vec![test_cards(), bank_list(), bank_reasons(), document_types(), codes(), reason_list()],
        requests: requests(merchant, now),
    }
}

fn chapter(title: &str, paragraphs: &[&str], tables: Vec<GuideTable>) -> Chapter {
    Chapter {
        title: title.into(),
        paragraphs: paragraphs.iter().map(|paragraph| (*paragraph).to_owned()).collect(),
        tables,
    }
}

fn steps() -> Chapter {
    chapter(
        "Cómo se paga",
        &[
            "El servidor del comercio crea una sesión con POST /api/session y guarda el requestId antes de enviar el navegador a \
             processUrl. Cada llamada lleva auth: login, tranKey, nonce y seed; tranKey = Base64(SHA-256(nonce + seed + secret_key)), \
             con el nonce sin codificar. También se acepta SHA-1, que aún envían las bibliotecas oficiales.",
            "El pagador escribe su correo, elige un medio, y puede intentarlo de nuevo: una tarjeta rechazada no rechaza la sesión. Al \
             volver, el comercio consulta POST /api/session/{requestId}; el resultado es el estado de la sesión.",
            "La página funciona sin JavaScript. Los ejemplos de abajo llevan un seed de este momento, válido cinco minutos: recargue \
             la guía para renovarlo.",
        ],
        Vec::new(),
    )
}

fn services() -> Chapter {
    let rows = [
        ("PSE", "Medio pse; lleva al simulador del banco, donde se eligen estado y razón."),
        (
            "Suscripción",
            "subscription en vez de payment: guarda una tarjeta y no cobra. payment.subscribe la guarda con un pago si el pagador acepta.",
        ),
        (
            "Cobro con token",
            "POST /api/collect con token o subtoken: respuesta inmediata; la misma referencia, valor y moneda se cobra una vez en 24 horas.",
        ),
        ("Invalidar token", "POST /api/instrument/invalidate: después no se puede cobrar."),
        (
            "Pago mixto",
            "payment.allowPartial: el pagador elige cuánto; APPROVED_PARTIAL mientras falte, PARTIAL_EXPIRED si vence.",
        ),
        (
            "Dispersión",
            "payment.dispersion, máximo 3 sitios. Si una parte se rechaza, las siguientes no se envían; al vencer, la pasarela reversa las aprobadas.",
        ),
        (
            "Preautorización",
            "type checkin; luego reauthorization y checkout en POST /api/transaction (checkout de 0 libera).",
        ),
        ("Confirmación", "metadata.requiresConfirmation: la transacción aprobada espera confirm o cancel."),
        (
            "Lightbox",
            "/lightbox.min.js: P.init(processUrl, opciones) y P.on('response' | 'close', función). En Safari, iOS y PSE se redirige.",
        ),
        (
            "Panel del comercio",
            "/panel: transacciones, reversos, reversos extemporáneos, recurrencias, tarjetas guardadas.",
        ),
    ];
    let rows = rows.map(|(name, text)| [name.to_owned(), text.to_owned()]);
    chapter("Servicios", &[], vec![GuideTable::new("Qué hay y cómo se pide", ["servicio", "cómo"], rows)])
}

fn notices() -> Chapter {
    chapter(
        "La notificación",
        &[
            "Un POST a la dirección del sitio cuando la sesión termina; no se repite. signature = SHA-1(requestId + status + date + \
             secret_key) en hexadecimal, o sha256: y SHA-256 con el ajuste signature=sha256. Ni el valor ni la referencia van firmados: \
             al recibirla se consulta la sesión.",
            "Los cobros posteriores de una recurrencia se notifican a payment.recurring.notificationUrl, sin requestId: con \
             internalReference y recurring {tries, enabled}.",
            "La orden send_test_notice envía la notificación de prueba del analista (razón TT).",
        ],
        Vec::new(),
    )
}

fn reversals() -> Chapter {
    chapter(
        "Devolver",
        &[
            "POST /api/transaction con action reverse, o el antiguo POST /api/reverse. Hasta las 20:00 de Colombia se anula el total; \
             después la API responde REJECTED/XR (ajuste after_cutoff) y el reverso extemporáneo se pide en /panel: la red lo liquida al \
             día siguiente a las 10:00.",
            "La red puede negarse: orden script_actions. El reverso automático de una dispersión vencida puede negarse también: ajuste \
             automatic_reversal.",
        ],
        Vec::new(),
    )
}

fn recurrences() -> Chapter {
    chapter(
        "Recurrencias",
        &[
            "payment.recurring: periodicity D, M o Y, interval, maxPeriods (-1 sin límite), nextPayment, dueDate, notificationUrl. Los cobros \
             siguen el reloj, a las 03:00 de Colombia. Sin fondos (51) se reintenta tres días más; cualquier otro rechazo la termina.",
            "Solo se cancela en /panel y no se modifica.",
        ],
        Vec::new(),
    )
}

fn settings() -> Chapter {
    let rows = Settings::default().to_map().into_iter().map(|(name, value)| [name, value]);
    let commands = steering::COMMANDS.iter().map(|(name, help)| [(*name).to_owned(), (*help).to_owned()]);
    chapter(
        "La cuenta y sus ajustes",
        &[
            "profile=docs se comporta como la documentación pública, profile=guide como la guía de certificación. Los demás ajustes \
             eligen entre formas que las fuentes contradicen o callan; la orden set_account los cambia.",
        ],
        vec![
            GuideTable::new("Ajustes y su valor de fábrica", ["ajuste", "valor"], rows),
            GuideTable::new("Órdenes", ["orden", "argumentos y efecto"], commands),
        ],
    )
}

fn test_cards() -> GuideTable {
    let labels = labels::of(Language::Spanish);
    let rows = cards::all().iter().map(|card| {
        [card.number.to_owned(), card.brand.name().to_owned(), behaviour(card, labels, Language::Spanish)]
    });
    let title =
        "Tarjetas de prueba (código 123 y cualquier vencimiento futuro, salvo que se indique otra cosa)";
    GuideTable::new(title, ["número", "marca", "qué hace"], rows)
}

fn bank_list() -> GuideTable {
    let rows = banks::all().iter().map(|bank| [bank.code.to_owned(), bank.name.to_owned()]);
    GuideTable::new("Bancos de PSE", ["código", "banco"], rows)
}

fn bank_reasons() -> GuideTable {
    let state = |state| match state {
        BankState::Approved => "Aprobada",
        BankState::Pending => "Pendiente",
        BankState::Declined => "Declinada",
        BankState::Failed => "Fallido",
    };
    let rows = banks::outcomes().iter().map(|outcome| [outcome.label(), state(outcome.state).to_owned()]);
    GuideTable::new("Razones en la página del banco", ["razón", "estado"], rows)
}

fn document_types() -> GuideTable {
    let rows = documents::offered_in("CO")
        .into_iter()
        .map(|kind| [kind.code.to_owned(), kind.expression().to_owned()]);
    GuideTable::new("Documentos que se ofrecen en Colombia", ["tipo", "forma"], rows)
}

fn codes() -> GuideTable {
    let rows = [
        ["12345", "pasa la verificación 3-D Secure; tres códigos errados la pierden"],
        ["123456, 000000", "pasan la clave de un solo uso, con el ajuste one_time_password=required"],
    ];
    GuideTable::new("Códigos", ["código", "qué hace"], rows.map(|row| row.map(str::to_owned)))
}

fn reason_list() -> GuideTable {
    let rows = reasons::all()
        .iter()
        .map(|reason| [reason.code.to_owned(), reason.text(Language::Spanish).to_owned()]);
    GuideTable::new("Razones de una transacción", ["código", "mensaje"], rows)
}

fn requests(merchant: Option<&Merchant>, now: Timestamp) -> Vec<Example> {
    let auth = authentication_of(merchant, now);
    let expiration = format!("\"expiration\": \"{}\"", instant::write(seconds_after(now, LIFE_S)));
    let fill = |text: &str| {
        text.replace("{AUTH}", &auth).replace("{EXPIRATION}", &expiration).replace("{SHOPPER}", SHOPPER)
    };
    EXAMPLES
        .split("\n### ")
        .skip(1)
        .filter_map(read_example)
        .map(|(name, note, path, body)| post(name, note, path, fill(body)))
        .collect()
}

/// Name, note, path, and the rest as the body.
fn read_example(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (name, rest) = text.split_once('\n')?;
    let (note, rest) = rest.split_once('\n')?;
    let (path, body) = rest.split_once('\n')?;
    Some((name, note, path, body.trim_end()))
}

fn authentication_of(merchant: Option<&Merchant>, now: Timestamp) -> String {
    let (login, secret) =
        merchant.map_or((LOGIN, SECRET), |merchant| (merchant.login.as_str(), merchant.secret_key.as_str()));
    let seed = instant::write(now);
    let (nonce, tran_key) = authentication::sign(NONCE.as_bytes(), &seed, secret);
    format!(
        "\"auth\": {{ \"login\": \"{login}\", \"tranKey\": \"{tran_key}\", \"nonce\": \"{nonce}\", \"seed\": \"{seed}\" }}"
    )
}

fn post(name: &str, note: &str, path: &str, body: String) -> Example {
    Example {
        name: name.into(),
        note: note.into(),
        method: "POST".into(),
        path: path.into(),
        headers: vec![("Content-Type".into(), "application/json".into())],
        body,
    }
}
