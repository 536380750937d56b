//! What the API says to people, in the request's language (§5). Nothing may depend on these words.

/// The languages of the texts. Italian locales are accepted and read Spanish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// The default.
    Spanish,
    /// English
    English,
    /// Portuguese
    Portuguese,
}

impl Language {
    /// Every language, in the order of the page's selector.
    pub const ALL: [Self; 3] = [Self::Spanish, Self::English, Self::Portuguese];

    /// `es`, `en` or `pt`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::English => "en",
            Self::Portuguese => "pt",
        }
    }

    /// The language with this two-letter code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language of a locale such as `es_CO`.
    pub fn of_locale(locale: &str) -> Self {
        locale.get(..2).and_then(Self::of_code).unwrap_or(Self::Spanish)
    }
}

/// Whether a text is a locale by §5: two word characters, an underscore, two capitals.
pub fn is_locale(text: &str) -> bool {
    let bytes = text.as_bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    bytes.len() == 5
        && word(bytes[0])
        && word(bytes[1])
        && bytes[2] == b'_'
        && bytes[3].is_ascii_uppercase()
        && bytes[4].is_ascii_uppercase()
}

/// What a session or a request that was carried out says. AV-U06: the English texts of active, cancelled and
/// expired are ours, and so is all Portuguese.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A request was carried out.
    Processed,
    /// The session waits for its first attempt.
    Active,
    /// An attempt is being resolved, or more may follow.
    Pending,
    /// The session is paid.
    Approved,
    /// The attempts are used up.
    Rejected,
    /// The payer went away on the page.
    CancelledByUser,
    /// The merchant cancelled.
    CancelledByMerchant,
    /// Time ran out.
    Expired,
    /// Part is paid, the rest may follow.
    Partial,
    /// Part is paid, the rest will not follow.
    PartialExpired,
    /// A card was stored.
    Tokenized,
}

impl Message {
    /// The sentence in a language.
    pub fn text(self, language: Language) -> &'static str {
        let [spanish, english, portuguese] = self.texts();
        match language {
            Language::Spanish => spanish,
            Language::English => english,
            Language::Portuguese => portuguese,
        }
    }

    fn texts(self) -> [&'static str; 3] {
        match self {
            Self::Processed => [
                "La petición se ha procesado correctamente",
                "The request has been processed successfully",
                "A solicitação foi processada corretamente",
            ],
            Self::Active => {
                ["La petición se encuentra activa", "The request is active", "A solicitação está ativa"]
            }
            Self::Pending => [
                "La petición se encuentra pendiente",
                "The request is pending",
                "A solicitação está pendente",
            ],
            Self::Approved => [
                "La petición ha sido aprobada exitosamente",
                "The request has been successfully approved",
                "A solicitação foi aprovada com sucesso",
            ],
            Self::Rejected => [
                "Se ha rechazado la petición",
                "The request has been rejected",
                "A solicitação foi rejeitada",
            ],
            Self::CancelledByUser => [
                "La petición ha sido cancelada por el usuario",
                "The request has been canceled by the user",
                "A solicitação foi cancelada pelo usuário",
            ],
            Self::CancelledByMerchant => [
                "La petición ha sido cancelada por el comercio",
                "The request has been canceled by the merchant",
                "A solicitação foi cancelada pelo estabelecimento",
            ],
            Self::Partial => [
                "La petición está parcialmente aprobada",
                "The request is partially approved",
                "A solicitação está parcialmente aprovada",
            ],
            Self::PartialExpired => [
                "La petición esta expirada o cancelada y se han realizado pagos",
                "The request is expired or cancelled and payments have been made",
                "A solicitação expirou ou foi cancelada e houve pagamentos",
            ],
            Self::Tokenized => {
                ["Token generado exitosamente", "Token generated successfully", "Token gerado com sucesso"]
            }
            Self::Expired => ["La petición ha expirado", "The request has expired", "A solicitação expirou"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_two_word_characters_and_two_capitals() {
        for (text, yes) in [
            ("es_CO", true),
            ("it_IT", true),
            ("es", false),
            ("es-CO", false),
            ("es_co", false),
            ("ñs_CO", false),
        ] {
            assert_eq!(is_locale(text), yes, "{text}");
        }
    }

    #[test]
    fn the_language_follows_the_locale_and_falls_back_to_spanish() {
        assert_eq!(Language::of_locale("en_US"), Language::English);
        assert_eq!(Language::of_locale("pt_BR"), Language::Portuguese);
        assert_eq!(Language::of_locale("it_IT"), Language::Spanish);
    }

    #[test]
    fn recorded_sentences_are_kept_letter_by_letter() {
        assert_eq!(Message::Approved.text(Language::Spanish), "La petición ha sido aprobada exitosamente");
        assert_eq!(Message::Approved.text(Language::English), "The request has been successfully approved");
    }
}
