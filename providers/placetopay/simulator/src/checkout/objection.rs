//! What a refusal says, in the request's language. Nothing may depend on these words.

use super::texts::Language;

/// Why a request is refused. Where §6.10 leaves the wording open (AV-U17, AV-U18, AV-U19) it is ours, and so is
/// all Portuguese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// No such path.
    PageNotFound,
    /// `auth` could not be read.
    MalformedAuthentication,
    /// Authentication failed with this code.
    AuthenticationFailed(u16),
    /// The currency is unknown or not enabled.
    InvalidCurrency,
    /// The expiration is less than five minutes away.
    ExpirationTooNear,
    /// The reference is missing or too long.
    InvalidReference,
    /// No such session.
    UnknownSession,
    /// The session belongs to another site.
    ForeignSession,
    /// Only pending sessions can be cancelled.
    NotPending,
    /// A recurring payment cannot be partial.
    PartialRecurring,
    /// More than three dispersions.
    TooManyDispersions,
    /// This datum of the payer is not valid.
    InvalidPayer(String),
    /// This member is required.
    Missing(String),
    /// This member has a wrong type, length or value.
    Invalid(String),
    /// This member belongs to a service that this simulator does not serve.
    NotServed(String),
}

impl Objection {
    /// The sentence in a language.
    pub fn text(&self, language: Language) -> String {
        let [spanish, english, portuguese] = self.templates();
        let template = match language {
            Language::Spanish => spanish,
            Language::English => english,
            Language::Portuguese => portuguese,
        };
        template.replace("{}", &self.subject())
    }

    /// What stands in for `{}`.
    fn subject(&self) -> String {
        match self {
            Self::AuthenticationFailed(code) => code.to_string(),
            Self::InvalidPayer(member)
            | Self::Missing(member)
            | Self::Invalid(member)
            | Self::NotServed(member) => member.clone(),
            Self::PageNotFound
            | Self::MalformedAuthentication
            | Self::InvalidCurrency
            | Self::ExpirationTooNear
            | Self::InvalidReference
            | Self::UnknownSession
            | Self::ForeignSession
            | Self::NotPending
            | Self::PartialRecurring
            | Self::TooManyDispersions => String::new(),
        }
    }

    fn templates(&self) -> [&'static str; 3] {
        match self {
            Self::PageNotFound => ["Pagina no encontrada", "Page not found", "Página não encontrada"],
            Self::MalformedAuthentication => {
                ["Autenticación mal formada", "Malformed authentication", "Autenticação malformada"]
            }
            Self::AuthenticationFailed(_) => {
                ["Autenticación fallida {}", "Authentication failed {}", "Autenticação falhou {}"]
            }
            Self::InvalidCurrency => [
                "La moneda proporcionada es invalida",
                "The currency provided is invalid",
                "A moeda informada é inválida",
            ],
            Self::ExpirationTooNear => [
                "El tiempo para realizar el pago es muy poco",
                "The time to make the payment is too short",
                "O tempo para realizar o pagamento é muito curto",
            ],
            Self::InvalidReference => [
                "Referencia inválida, debe ser de 1 a 32 caracteres",
                "Invalid reference, it must have 1 to 32 characters",
                "Referência inválida, deve ter de 1 a 32 caracteres",
            ],
            Self::UnknownSession => [
                "No existe la sesión que busca",
                "The session you are looking for does not exist",
                "A sessão que você procura não existe",
            ],
            Self::ForeignSession => [
                "La sesión no pertenece a su sitio",
                "The session does not belong to your site",
                "A sessão não pertence ao seu site",
            ],
            Self::NotPending => [
                "No se pueden cancelar sesiones que no están pendientes.",
                "Sessions that are not pending cannot be canceled.",
                "Não é possível cancelar sessões que não estão pendentes.",
            ],
            Self::PartialRecurring => [
                "Un pago recurrente no puede ser parcial",
                "A recurring payment cannot be partial",
                "Um pagamento recorrente não pode ser parcial",
            ],
            Self::TooManyDispersions => [
                "La dispersión admite máximo 3 sitios",
                "A dispersion allows 3 sites at most",
                "A dispersão admite no máximo 3 sites",
            ],
            Self::InvalidPayer(_) => [
                "Los datos del pagador no son válidos: {}",
                "The payer data is not valid: {}",
                "Os dados do pagador não são válidos: {}",
            ],
            Self::Missing(_) => {
                ["El campo {} es obligatorio", "The field {} is required", "O campo {} é obrigatório"]
            }
            Self::Invalid(_) => {
                ["El campo {} no es válido", "The field {} is not valid", "O campo {} não é válido"]
            }
            Self::NotServed(_) => [
                "Este simulador no atiende el campo {}",
                "This simulator does not serve the field {}",
                "Este simulador não atende o campo {}",
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_failed_authentication_stands_in_the_sentence() {
        let failed = Objection::AuthenticationFailed(102);
        assert_eq!(failed.text(Language::Spanish), "Autenticación fallida 102");
        assert_eq!(failed.text(Language::English), "Authentication failed 102");
    }
}
