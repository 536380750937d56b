//! What the sandbox shows a developer: how the portal is used, its test data, and requests to try.

use simulation::guide::{Chapter, Example, GuideTable};
use simulation::{Guide, Timestamp};

use crate::account::Merchant;
use crate::transaction::Status;
use crate::{authorizers, cards, codes, course, instant};

/// The guide, with the credentials of the first shop where there is one.
pub fn of(merchant: Option<&Merchant>, now: Timestamp) -> Guide {
    let (id, key) = merchant.map_or(("(abra una cuenta)", "(abra una cuenta)"), |merchant| {
        (merchant.id.as_str(), merchant.key.as_str())
    });
    Guide {
        title: "Carat e-SiTef".into(),
        chapters: vec![page_chapter(), rest_chapter(), notices_chapter(), codes_chapter()],
        test_data: vec![test_cards(), amounts()],
        requests: examples(id, key, now),
    }
}

fn chapter(title: &str, paragraphs: &[&str], tables: Vec<GuideTable>) -> Chapter {
    let paragraphs = paragraphs.iter().map(|text| (*text).to_owned()).collect();
    Chapter { title: title.into(), paragraphs, tables }
}

fn page_chapter() -> Chapter {
    chapter(
        "Pago en la página del portal",
        &[
            "Se crea con POST a init/json.se o init/xml.se: un formulario con el miembro request, que contiene JSON. \
             Todos los caminos existen bajo /e-sitef y bajo /e-sitef-hml.",
            "responseCode 0 es éxito; cualquier otro código es un rechazo, con estado HTTP 200. url es la página del \
             comprador y se usa tal como llega, con corchetes y comillas.",
            "Con store_card \"true\" y additional_data.payer.store_identification se pide guardar la tarjeta: la respuesta \
             trae además nita y nsua.",
        ],
        Vec::new(),
    )
}

fn rest_chapter() -> Chapter {
    chapter(
        "Pago de servidor a servidor",
        &[
            "Cada llamada lleva los encabezados merchant_id y merchant_key. En dos pasos: v1/transactions y \
             v1/payments/{nit}. En uno: v2/payments, con idempotency_key.",
            "Un pago negado responde 400 con el cuerpo completo y el código 255. Una tarjeta guardada se cobra con \
             card.token, sin número ni vencimiento.",
            "Una cancelación se confirma antes de responderse: el portal envía el nit a authenticity_url y solo sigue si la \
             tienda contesta 200.",
            "No se simulan PIX, boleto, carteras, 3DS, agendamientos ni la firma JWT.",
        ],
        Vec::new(),
    )
}

fn notices_chapter() -> Chapter {
    let rows = Status::ALL.map(|status| [status.word().to_owned(), meaning(status).to_owned()]);
    chapter(
        "Avisos y consultas",
        &[
            "El aviso de estado va a la dirección de notificación de la cuenta, el de almacenamiento a storage_url. Son \
             formularios sin firma; solo HTTP 200 cuenta como recibido.",
            "consultarTransacao.se y armazenamento/consultarArmazenamento.se contestan OK y repiten el aviso.",
        ],
        vec![GuideTable::new("Estados de una transacción", ["Estado", "Significado"], rows)],
    )
}

fn codes_chapter() -> Chapter {
    let rows = codes::all().map(|(code, message)| [code.to_owned(), message.to_owned()]);
    let known = authorizers::all().iter().filter(|authorizer| authorizer.kind.is_card()).map(|authorizer| {
        let stored = if authorizer.may_be_stored { "sí" } else { "no" };
        [authorizer.id.to_string(), authorizer.name.to_owned(), stored.to_owned()]
    });
    chapter(
        "Códigos",
        &[],
        vec![
            GuideTable::new("Códigos de respuesta", ["Código", "Texto"], rows),
            GuideTable::new("Autorizadoras de tarjetas", ["Número", "Nombre", "Se guarda"], known),
        ],
    )
}

fn meaning(status: Status) -> &'static str {
    match status {
        Status::New => "creada",
        Status::Waiting => "esperando al comprador",
        Status::Pending => "esperando a la institución",
        Status::Unconfirmed => "autorizada, esperando la confirmación de la tienda",
        Status::Undone => "deshecha por la tienda",
        Status::Confirmed => "confirmada",
        Status::Denied => "negada",
        Status::Failed => "falló la comunicación con la autorizadora",
        Status::Blocked => "bloqueada tras varias tarjetas",
        Status::Expired => "vencida",
        Status::Abandoned => "abandonada",
        Status::Cancelled => "cancelada por el comprador",
        Status::Reversed => "devuelta por completo",
    }
}

fn test_cards() -> GuideTable {
    let rows = cards::all()
        .iter()
        .map(|card| [card.number.to_owned(), card.name.to_owned(), card.authorizer.id.to_string()]);
    GuideTable::new(
        "Tarjetas de prueba (cualquier vencimiento futuro, código 123; los vales piden CPF)",
        ["Número", "Marca", "Autorizadora"],
        rows,
    )
}

fn amounts() -> GuideTable {
    let denied = course::DENIED_AMOUNT.to_string();
    GuideTable::new(
        "Valores de prueba",
        ["Valor", "Resultado"],
        [[denied, "negado (NEG)".to_owned()], ["otro".to_owned(), "aprobado (CON)".to_owned()]],
    )
}

fn examples(id: &str, key: &str, now: Timestamp) -> Vec<Example> {
    let keys =
        || vec![("merchant_id".to_owned(), id.to_owned()), ("merchant_key".to_owned(), key.to_owned())];
    let with_json = || [vec![content_type("application/json")], keys()].concat();
    let expiry = format!("12{:02}", (instant::day(now).year() + 3) % 100);
    let card = format!(r#""number":"4000000000000044","expiry_date":"{expiry}""#);
    let created = "{{create.response.body.$.payment.nit}}";
    let order = r#""amount":"100","order_id":"12345","store_card":"true","additional_data":{"payer":{"store_identification":"PAYER_ID"}}"#;
    let mut examples = vec![
        example("init", "Crea un pago con almacenamiento para la página", "POST /e-sitef/init/json.se")
            .with(vec![content_type("application/x-www-form-urlencoded")])
            .body(format!(r#"request={{"merchant_id":"{id}",{order}}}"#)),
        example("create", "Crea un pago de servidor a servidor", "POST /e-sitef/api/v1/transactions")
            .body(r#"{"amount":"1000","order_id":"12346","merchant_usn":"20260001"}"#),
        example("pay", "Lo paga con una tarjeta de prueba", &format!("POST /e-sitef/api/v1/payments/{created}"))
            .body(format!(r#"{{"card":{{{card},"security_code":"123"}}}}"#)),
        example("query", "Lo consulta", &format!("GET /e-sitef/api/v1/transactions/{created}")).with(keys()),
        example("store", "Guarda una tarjeta", "POST /e-sitef/api/v1/cards")
            .body(format!(r#"{{"card":{{{card}}},"authorizer_id":"1","customer_id":"PAYER_ID"}}"#)),
        example("charge", "Cobra la tarjeta guardada en un paso", "POST /e-sitef/api/v2/payments")
            .with([with_json(), vec![("idempotency_key".to_owned(), "cobro-1".to_owned())]].concat())
            .body(
                r#"{"amount":"2500","order_id":"12347","card":{"token":"{{store.response.body.$.card.token}}"}}"#,
            ),
        example(
            "cancel",
            "Crea una cancelación; el nit llega a authenticity_url",
            "POST /e-sitef/api/v1/cancellations",
        )
        .body(r#"{"esitef_usn":"{{pay.response.body.$.payment.esitef_usn}}"}"#),
    ];
    for Draft(example) in examples.iter_mut().filter(|Draft(example)| example.headers.is_empty()) {
        example.headers = with_json();
    }
    examples.into_iter().map(|Draft(example)| example).collect()
}

/// An example under construction; without headers it gets the shop's credentials and JSON.
struct Draft(Example);

impl Draft {
    fn with(mut self, headers: Vec<(String, String)>) -> Self {
        self.0.headers = headers;
        self
    }

    fn body(mut self, body: impl Into<String>) -> Self {
        self.0.body = body.into();
        self
    }
}

fn example(name: &str, note: &str, call: &str) -> Draft {
    let (method, path) = call.split_once(' ').unwrap_or_default();
    Draft(Example {
        name: name.into(),
        note: note.into(),
        method: method.into(),
        path: path.into(),
        headers: Vec::new(),
        body: String::new(),
    })
}

fn content_type(kind: &str) -> (String, String) {
    ("Content-Type".to_owned(), kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_lists_every_test_card_and_examples_with_names_of_their_own() {
        let guide = of(None, Timestamp::UNIX_EPOCH);
        assert_eq!(guide.test_data[0].rows.len(), cards::all().len());
        let mut names: Vec<_> = guide.requests.iter().map(|example| example.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), guide.requests.len());
        let tables = guide.chapters.iter().flat_map(|chapter| &chapter.tables).chain(&guide.test_data);
        for table in tables {
            assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.title);
        }
    }
}
