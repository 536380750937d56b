//! The guide that the sandbox serves: documentation, test data, and requests to try (§14).

use simulation::guide::{Chapter, Example, GuideTable};
use simulation::{Guide, Timestamp};

use crate::account::Merchant;
use crate::answer::{Code, Language};
use crate::cip::State;
use crate::hash::Parts;
use crate::lima;
use crate::route::PAYMENT_SIMULATOR;
use crate::settings::Settings;

/// Addresses that the provider notifies from, by environment (§1.5).
const TEST_POOL: &str = "52.41.2.36, 54.203.44.193";
const PRODUCTION_POOL: &str = "52.7.185.65, 35.169.242.145, 34.196.98.7";

/// Writes the guide with the credentials of an account, where one is open, so that its requests can be sent as
/// they stand.
pub fn write(merchant: Option<&Merchant>, now: Timestamp) -> Guide {
    let settings = merchant.map(|merchant| merchant.settings.clone()).unwrap_or_default();
    Guide {
        title: "PagoEfectivo".into(),
        chapters: vec![overview(), token(), cips(), notices(&settings), environments(&settings)],
        test_data: test_data(&settings),
        requests: requests(merchant, now),
    }
}

fn overview() -> Chapter {
    Chapter {
        title: "Recorrido".into(),
        paragraphs: texts(&[
            "Un pago en efectivo empieza con un código (CIP) que el comercio genera por API y muestra a la persona. \
             La persona lo paga en un banco, agente o tienda antes de que venza, y PagoEfectivo notifica al comercio.",
            "Solo se notifica el pago. El comercio expira por sí mismo los códigos cuyo plazo pasó sin notificación, y \
             ante la duda consulta el CIP.",
        ]),
        tables: vec![GuideTable::new(
            "Operaciones",
            ["Petición", "Para qué", "Respuesta"],
            [
                ["POST /v1/authorizations", "Obtener un token con el hash de las credenciales", "201"],
                ["POST /v1/cips", "Generar un CIP", "201"],
                ["POST /v1/cips/search", "Consultar hasta 100 CIP", "200"],
                ["PATCH /v1/cips/{cip}", "Cambiar su vencimiento; revive uno expirado", "200"],
                ["DELETE /v1/cips/{cip}", "Eliminarlo mientras esté generado", "200"],
            ]
            .map(owned),
        )],
    }
}

fn token() -> Chapter {
    Chapter {
        title: "Token".into(),
        paragraphs: texts(&[
            "hashString es el SHA-256, en hexadecimal minúsculo, de cuatro valores unidos con un punto: idService, \
             accessKey, secretKey y dateRequest. La fecha es la misma cadena que se envía, en hora de Lima \
             (2026-03-02T09:30:00-05:00). La secretKey nunca viaja.",
            "Un token vale hasta tokenExpires, normalmente dos horas, para cualquier número de llamadas. Se envía como \
             «Authorization: Bearer», un solo espacio y el token.",
        ]),
        tables: Vec::new(),
    }
}

fn cips() -> Chapter {
    let states = [State::Generated, State::Paid, State::Expired, State::Removed];
    let meaning = |state| match state {
        State::Generated => "se puede pagar",
        State::Paid => "pagado: la deuda quedó cancelada",
        State::Expired => "venció sin pago; un PATCH lo revive",
        State::Removed => "eliminado por el comercio",
    };
    let codes = [
        Code::Success,
        Code::InvalidData,
        Code::Required,
        Code::InvalidValue,
        Code::InternalError,
        Code::InvalidService,
        Code::AboveMaximum,
    ];
    Chapter {
        title: "CIP".into(),
        paragraphs: texts(&[
            "Son obligatorios currency, amount y transactionCode. El vencimiento va de 10 minutos a 6 meses desde ahora; \
             sin él rige el acordado con el comercio. Sin userEmail no hay correos, y sin userPhone con \
             userCodeCountry no hay recordatorio por celular.",
            "No hay clave de idempotencia: si se perdió la respuesta de una creación, no se repite a ciegas.",
        ]),
        tables: vec![
            GuideTable::new(
                "Estados",
                ["status", "statusName", "Significado"],
                states.map(|state| {
                    [state.number().to_string(), state.name().to_owned(), meaning(state).to_owned()]
                }),
            ),
            GuideTable::new(
                "Códigos",
                ["code", "message"],
                codes.map(|code| [code.number().to_string(), code.message(Language::Spanish).to_owned()]),
            ),
        ],
    }
}

fn notices(settings: &Settings) -> Chapter {
    let retries = match settings.notice_retries_s.as_slice() {
        [] => "No hay segundo intento.".to_owned(),
        waits => format!(
            "Si la respuesta no es exactamente 200 hay otro intento, con los mismos bytes, tras {} s.",
            waits.iter().map(u32::to_string).collect::<Vec<_>>().join(" s, luego ")
        ),
    };
    Chapter {
        title: "Notificación de pago".into(),
        paragraphs: vec![
            "POST a la dirección registrada, con la cabecera PE-Signature: HMAC-SHA256 en hexadecimal minúsculo de los \
             bytes recibidos, con el texto de la secretKey como clave. Se verifica antes de interpretar el JSON: el \
             monto trae dos decimales (149.90) y volver a escribirlo cambia la firma."
                .to_owned(),
            format!("El comercio responde 200 cuando la procesó. {retries}"),
            format!("El simulador de pagos está en {PAYMENT_SIMULATOR}: paga un CIP y muestra cada intento."),
        ],
        tables: Vec::new(),
    }
}

fn environments(settings: &Settings) -> Chapter {
    let here = match settings.notice_sources.as_slice() {
        [] => "cualquiera de esta máquina".to_owned(),
        sources => sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    Chapter {
        title: "Ambientes".into(),
        paragraphs: texts(&[
            "Pruebas y producción son iguales y separados: otra dirección, otras credenciales, otros datos. Aquí se usa \
             solo esta máquina.",
        ]),
        tables: vec![GuideTable::new(
            "Direcciones",
            ["Ambiente", "API", "Notifica desde"],
            [
                owned(["Pruebas", "https://pre1a.services.pagoefectivo.pe", TEST_POOL]),
                owned(["Producción", "https://services.pagoefectivo.pe", PRODUCTION_POOL]),
                ["Simulador".to_owned(), "esta dirección".to_owned(), here],
            ],
        )],
    }
}

fn test_data(settings: &Settings) -> Vec<GuideTable> {
    let most = |currency| settings.maximum.get(currency).map_or_else(String::new, |most| most.to_fixed(2));
    let at_minimum = if settings.is_minimum_inclusive() { "se acepta" } else { "113 en amount" };
    vec![
        GuideTable::new(
            "Montos",
            ["currency", "amount", "Resultado"],
            [
                owned(["PEN", "1.00", at_minimum]),
                owned(["PEN", "1.01", "se acepta"]),
                owned(["USD", "0.50", at_minimum]),
                owned(["USD", "0.51", "se acepta"]),
                ["PEN".to_owned(), format!("más de {}", most("PEN")), "511".to_owned()],
                ["USD".to_owned(), format!("más de {}", most("USD")), "511".to_owned()],
                owned(["PEN", "10.005", "113 en amount"]),
            ],
        ),
        GuideTable::new(
            "Vencimientos",
            ["dateExpiry", "Resultado"],
            [
                ["ahora + 9 min 59 s", "113 en dateExpiry"],
                ["ahora + 10 min", "se acepta"],
                ["ahora + 6 meses", "se acepta"],
                ["ahora + 6 meses y 1 s", "113 en dateExpiry"],
                ["sin valor, null o 0001-01-01T00:00:00+00:00", "rige el acordado"],
            ]
            .map(owned),
        ),
        GuideTable::new(
            "Celulares",
            ["userCodeCountry", "userPhone", "Recordatorio por SMS"],
            [
                ["+51", "951204477", "sí, si el país está acordado (reminder_countries)"],
                ["+593", "0991234567", "sí, si el país está acordado"],
                ["+51", "851204477", "no: número mal formado"],
                ["PE", "951204477", "no: país no acordado"],
            ]
            .map(owned),
        ),
    ]
}

fn requests(merchant: Option<&Merchant>, now: Timestamp) -> Vec<Example> {
    let (id_service, access_key, secret_key) = match merchant {
        Some(merchant) => {
            (merchant.id_service.as_str(), merchant.access_key.as_str(), merchant.secret_key.as_str())
        }
        None => ("4821", "Q0FTSEhVQkRFTU8yMDI2", "hub0Demo+Secret/Key1ForDocs2Only3Andes4x"),
    };
    let date_request = &lima::write(now);
    let hash = Parts { id_service, access_key, secret_key, date_request }.hash();
    let expiry = lima::write(lima::seconds_after(now, 2 * 24 * 60 * 60));
    let later = lima::write(lima::seconds_after(now, 4 * 24 * 60 * 60));
    const CIP: &str = "{{crear.response.body.$.data.cip}}";
    vec![
        Example {
            name: "token".into(),
            note: "Token; la fecha y el hash valen cerca de la hora en que se abrió esta guía".into(),
            method: "POST".into(),
            path: "/v1/authorizations".into(),
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: format!(
                "{{\"accessKey\":\"{access_key}\",\"idService\":{id_service},\"dateRequest\":\"{date_request}\",\
                 \"hashString\":\"{hash}\"}}"
            ),
        },
        with_token(
            "crear",
            "Generar un CIP que vence en dos días",
            "POST",
            "/v1/cips",
            format!(
                "{{\"currency\":\"PEN\",\"amount\":149.90,\"transactionCode\":\"DEMO-0001\",\"dateExpiry\":\"{expiry}\",\
                 \"paymentConcept\":\"Compra de prueba\",\"userEmail\":\"rosa.quispe@correo.example\",\
                 \"userPhone\":\"951204477\",\"userCodeCountry\":\"+51\"}}"
            ),
        ),
        with_token(
            "consultar",
            "Consultarlo",
            "POST",
            "/v1/cips/search",
            format!("{{\"data\":[{{\"cip\":{CIP}}}]}}"),
        ),
        with_token(
            "cambiar",
            "Cambiar su vencimiento",
            "PATCH",
            &format!("/v1/cips/{CIP}"),
            format!("{{\"dateExpiry\":\"{later}\"}}"),
        ),
        with_token("eliminar", "Eliminarlo", "DELETE", &format!("/v1/cips/{CIP}"), String::new()),
    ]
}

fn with_token(name: &str, note: &str, method: &str, path: &str, body: String) -> Example {
    let headers = [
        ("Authorization", "Bearer {{token.response.body.$.data.token}}"),
        ("Origin", "web"),
        ("Accept-Language", "es-PE"),
        ("Content-Type", "application/json"),
    ];
    Example {
        name: name.into(),
        note: note.into(),
        method: method.into(),
        path: path.into(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body,
    }
}

fn texts(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

fn owned<const N: usize>(cells: [&str; N]) -> [String; N] {
    cells.map(str::to_owned)
}
