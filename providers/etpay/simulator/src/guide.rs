//! What a developer reads first: documentation, test data, requests to try (ET-31).

use simulation::Guide;
use simulation::guide::{Chapter, Example, GuideTable};

use crate::account::{Merchant, Settings};
use crate::attack::Kind;
use crate::banks;
use crate::course;
use crate::funnel::Language;
use crate::reasons::Reason;
use crate::session::MOST_FAILURES;

/// The guide; its requests carry the credentials of an account when there is one.
pub fn guide(merchant: Option<&Merchant>) -> Guide {
    Guide {
        title: "ETpay: pago por transferencia bancaria".into(),
        chapters: vec![steps(), notices(), profiles()],
        test_data: vec![payers(), approval(), reasons(), offered(merchant)],
        requests: requests(merchant),
    }
}

fn steps() -> Chapter {
    Chapter {
        title: "Cómo se paga".into(),
        paragraphs: vec![
            "El servidor del comercio crea una sesión con POST {api_url}/session/initialize; las credenciales van en el \
             cuerpo JSON, nunca en el navegador."
                .into(),
            "La respuesta trae token (la sesión) y signature_token (la llave de sus firmas), que se guarda en el \
             servidor. El navegador del pagador se envía a {pmt_url}/session/{token}, sin agregar nada."
                .into(),
            "En el embudo el pagador elige su banco, entra con su RUT, elige la cuenta y autoriza. Luego vuelve a la \
             dirección de éxito o de error; ese regreso es solo visual y no prueba nada."
                .into(),
            "El resultado llega por el aviso, y se puede preguntar con POST {api_url}/merchant/check_payment_status, que \
             siempre responde una lista."
                .into(),
        ],
        tables: Vec::new(),
    }
}

fn notices() -> Chapter {
    Chapter {
        title: "El aviso".into(),
        paragraphs: vec![
            "Se envía por POST el JSON {\"payment\": \"<JWT>\"}, tanto si se pagó como si no. El JWT se firma con HS256; la \
             llave es el texto del signature_token de esa sesión, sin decodificar."
                .into(),
            "Pagado es payment_status igual al texto success (o, en la forma antigua, al booleano true) y nada más."
                .into(),
            "Si el comercio no responde 200, se repite el mismo aviso a los 60 segundos y 300 segundos después."
                .into(),
            "Si el embudo pierde su sistema, el navegador vuelve con un JWT firmado con el session_token, que es público, \
             y system_error verdadero: no es un resultado; la verdad la da la consulta."
                .into(),
        ],
        tables: vec![GuideTable::new(
            "Orden attack: avisos que no son un pago",
            ["kind", "control"],
            Kind::ALL.map(|kind| [kind.word().to_owned(), kind.check().id().to_owned()]),
        )],
    }
}

fn profiles() -> Chapter {
    let rows = Settings::default().to_map().into_iter().map(|(name, value)| [name, value]);
    Chapter {
        title: "La cuenta y sus ajustes".into(),
        paragraphs: vec![
            "Cada ambiente (sandbox, preproduction, production) tiene credenciales y direcciones propias; las de uno no \
             sirven en otro."
                .into(),
            "profile=docs se comporta como lo conocen los clientes públicos; profile=guide, como lo diría solo la página \
             de integración: session_token en la respuesta, {\"jwt\": …} en el aviso, número de orden alfanumérico, y sin \
             consulta de estado."
                .into(),
        ],
        tables: vec![GuideTable::new("Ajustes y sus valores iniciales", ["ajuste", "valor"], rows)],
    }
}

fn payers() -> GuideTable {
    let rows = course::payers().iter().map(|payer| {
        [payer.rut.to_owned(), course::PASSWORD.to_owned(), payer.text(Language::Spanish).to_owned()]
    });
    GuideTable::new("Pagadores del banco de prueba", ["RUT", "clave", "qué pasa"], rows)
}

fn approval() -> GuideTable {
    let row = |name: &str, value: &str| [name.to_owned(), value.to_owned()];
    GuideTable::new(
        "Autorización",
        ["dato", "valor"],
        [
            row("Clave dinámica", course::DYNAMIC_KEY),
            row("Coordenada", course::SECOND_FACTOR),
            row("Errores que terminan el intento", &MOST_FAILURES.to_string()),
        ],
    )
}

fn reasons() -> GuideTable {
    let rows =
        Reason::ALL.map(|reason| [reason.code().to_owned(), reason.text(Language::Spanish).to_owned()]);
    GuideTable::new("Motivos de un intento fallido", ["code", "reason"], rows)
}

fn offered(merchant: Option<&Merchant>) -> GuideTable {
    let settings = merchant.map(|merchant| merchant.settings.clone()).unwrap_or_default();
    let rows = banks::offered(settings.country, settings.environment)
        .into_iter()
        .map(|bank| [bank.code.to_owned(), bank.name.to_owned()]);
    GuideTable::new("Bancos (user_bank_code)", ["código", "banco"], rows)
}

fn requests(merchant: Option<&Merchant>) -> Vec<Example> {
    let (code, token, prefix) = match merchant {
        Some(merchant) => {
            (merchant.code.as_str(), merchant.api_token.as_str(), merchant.settings.environment.prefix())
        }
        None => ("cl_sandbox_comercio", "abra-una-cuenta-y-ponga-su-merchant_api_token", ""),
    };
    let post = |name: &str, note: &str, path: &str, body: String| Example {
        name: name.into(),
        note: note.into(),
        method: "POST".into(),
        path: format!("{prefix}{path}"),
        headers: vec![("Content-Type".into(), "application/json".into())],
        body,
    };
    let credentials = format!("\"merchant_code\": \"{code}\",\n  \"merchant_api_token\": \"{token}\"");
    vec![
        post(
            "session",
            "Crea una sesión con los cuatro campos básicos",
            "/session/initialize",
            format!(
                "{{\n  {credentials},\n  \"merchant_order_id\": \"ORDEN0001\",\n  \"order_amount\": 24990\n}}"
            ),
        ),
        post(
            "session_with_options",
            "Crea una sesión con banco, RUT fijo, datos visibles y direcciones propias",
            "/session/initialize",
            format!(
                "{{\n  {credentials},\n  \"merchant_order_id\": \"ORDEN0002\",\n  \"order_amount\": 24990,\n  \
                 \"customer_email\": \"pagadora@correo.example\",\n  \
                 \"metadata\": [{{ \"name\": \"Pedido\", \"value\": \"0002\", \"show\": true }}],\n  \
                 \"user_bank_code\": \"cl_test\",\n  \"user_rut\": \"111111111\",\n  \"is_rut_block\": \"true\",\n  \
                 \"payment_completed_url\": \"http://tienda.localhost/ok?orden=0002\",\n  \
                 \"payment_cancellation_url\": \"http://tienda.localhost/error?orden=0002\",\n  \"concat\": \"&\"\n}}"
            ),
        ),
        post(
            "status_by_order",
            "Pregunta por todos los intentos de una orden",
            "/merchant/check_payment_status",
            format!("{{\n  \"merchant_api_token\": \"{token}\",\n  \"merchant_order_id\": \"ORDEN0001\"\n}}"),
        ),
        post(
            "status_by_session",
            "Pregunta por la sesión creada arriba",
            "/merchant/check_payment_status",
            format!(
                "{{\n  \"merchant_api_token\": \"{token}\",\n  \
                 \"session_token\": \"{{{{session.response.body.$.token}}}}\"\n}}"
            ),
        ),
    ]
}
