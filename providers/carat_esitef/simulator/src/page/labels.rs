//! Every text of the hosted page in its three languages.

use crate::codes::Code;
use crate::transaction::Status;

/// The page's languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `es`
    Spanish,
    /// `pt`
    Portuguese,
    /// `en`
    English,
}

impl Language {
    /// Every language, in the order of the page's list.
    pub const ALL: [Self; 3] = [Self::Spanish, Self::Portuguese, Self::English];

    /// Two letters.
    pub fn code(self) -> &'static str {
        match self {
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::English => "en",
        }
    }

    /// Its own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spanish => "Español",
            Self::Portuguese => "Português",
            Self::English => "English",
        }
    }

    /// The language of two letters.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }
}

/// The texts of one language; a text that is missing in one does not compile.
#[derive(Debug)]
pub struct Labels {
    pub simulator_notice: &'static str,
    pub title: &'static str,
    pub language: &'static str,
    pub change_language: &'static str,
    pub heading: &'static str,
    pub total: &'static str,
    pub order: &'static str,
    pub shop: &'static str,
    pub transaction: &'static str,
    pub brand: &'static str,
    pub brand_of_card: &'static str,
    pub card_number: &'static str,
    pub expiry: &'static str,
    pub security_code: &'static str,
    pub holder: &'static str,
    pub installments: &'static str,
    pub document: &'static str,
    pub document_hint: &'static str,
    pub with_interest: &'static str,
    pub without_interest: &'static str,
    pub one_payment: &'static str,
    pub keeps_card: &'static str,
    pub pay: &'static str,
    pub cancel: &'static str,
    pub test_cards: &'static str,
    pub test_cards_hint: &'static str,
    pub minutes_left: &'static str,
    pub minutes: &'static str,
    pub back_to_shop: &'static str,
    pub no_way_back: &'static str,
    pub not_found: &'static str,
    pub not_found_text: &'static str,
    pub status: &'static str,
    pub receipt: &'static str,
    pub error_summary: &'static str,
    pub error_required: &'static str,
    pub error_card: &'static str,
    pub error_other_brand: &'static str,
    pub error_expiry: &'static str,
    pub error_code: &'static str,
    pub error_holder: &'static str,
    pub error_installments: &'static str,
    pub error_document: &'static str,
    pub error_brand: &'static str,
    statuses: [&'static str; 13],
}

/// The texts of a language.
pub fn of(language: Language) -> &'static Labels {
    match language {
        Language::Spanish => &SPANISH,
        Language::Portuguese => &PORTUGUESE,
        Language::English => &ENGLISH,
    }
}

impl Labels {
    /// What a status means to the payer.
    pub fn status_text(&self, status: Status) -> &'static str {
        let place = Status::ALL.iter().position(|known| *known == status).unwrap_or_default();
        self.statuses[place]
    }

    /// The sentence beside a card that was refused.
    pub fn refusal(&self, code: Code) -> &'static str {
        if code == Code::OTHER_AUTHORIZER { self.error_other_brand } else { self.error_card }
    }
}

const SPANISH: Labels = Labels {
    simulator_notice: "Esto es un simulador: no mueve dinero y todo se olvida al apagarlo.",
    title: "Pago (simulador)",
    language: "Idioma",
    change_language: "Cambiar",
    heading: "Datos de la tarjeta",
    total: "Total",
    order: "Pedido",
    shop: "Tienda",
    transaction: "Transacción",
    brand: "Medio de pago",
    brand_of_card: "El de la tarjeta",
    card_number: "Número de la tarjeta",
    expiry: "Vencimiento (MMAA)",
    security_code: "Código de seguridad",
    holder: "Nombre en la tarjeta",
    installments: "Cuotas",
    document: "CPF o CNPJ",
    document_hint: "Obligatorio para los vales.",
    with_interest: "con interés",
    without_interest: "sin interés",
    one_payment: "Un solo pago",
    keeps_card: "La tienda pidió guardar esta tarjeta para próximas compras. Se guardan su número y su vencimiento, cifrados; el código de seguridad nunca se guarda.",
    pay: "Pagar",
    cancel: "Cancelar y volver a la tienda",
    test_cards: "Tarjetas de prueba",
    test_cards_hint: "Este simulador solo acepta las tarjetas públicas de prueba, con cualquier vencimiento futuro y el código 123. El valor 22.000,00 se niega.",
    minutes_left: "Este pago vence en",
    minutes: "minutos",
    back_to_shop: "Volver a la tienda",
    no_way_back: "Puede cerrar esta página.",
    not_found: "No encontramos este pago",
    not_found_text: "La dirección no es la de un pago. Vuelva a la tienda y comience de nuevo.",
    status: "Estado",
    receipt: "Comprobante",
    error_summary: "Revise los datos marcados.",
    error_required: "Este dato es obligatorio.",
    error_card: "Este simulador solo acepta las tarjetas públicas de prueba.",
    error_other_brand: "La tarjeta no es del medio de pago elegido.",
    error_expiry: "Escriba mes y año, por ejemplo 1230.",
    error_code: "Escriba los 3 o 4 dígitos del código.",
    error_holder: "Escriba el nombre con letras, 30 como máximo.",
    error_installments: "Elija una de las cuotas ofrecidas.",
    error_document: "Escriba los 11 dígitos del CPF o los 14 del CNPJ.",
    error_brand: "Elija uno de los medios de pago ofrecidos.",
    statuses: [
        "El pago fue creado.",
        "El pago espera sus datos.",
        "El pago está en proceso.",
        "El pago fue autorizado y espera la confirmación de la tienda.",
        "La tienda deshizo el pago.",
        "El pago fue aprobado.",
        "El pago fue negado.",
        "No fue posible comunicarse con la autorizadora.",
        "El pago fue bloqueado tras varias tarjetas.",
        "El pago venció.",
        "El pago quedó abandonado.",
        "El pago fue cancelado.",
        "El pago fue devuelto.",
    ],
};

const PORTUGUESE: Labels = Labels {
    simulator_notice: "Isto é um simulador: não movimenta dinheiro e tudo é esquecido ao desligá-lo.",
    title: "Pagamento (simulador)",
    language: "Idioma",
    change_language: "Mudar",
    heading: "Dados do cartão",
    total: "Total",
    order: "Pedido",
    shop: "Loja",
    transaction: "Transação",
    brand: "Meio de pagamento",
    brand_of_card: "O do cartão",
    card_number: "Número do cartão",
    expiry: "Validade (MMAA)",
    security_code: "Código de segurança",
    holder: "Nome no cartão",
    installments: "Parcelas",
    document: "CPF ou CNPJ",
    document_hint: "Obrigatório para os vales.",
    with_interest: "com juros",
    without_interest: "sem juros",
    one_payment: "À vista",
    keeps_card: "A loja pediu para guardar este cartão para próximas compras. São guardados o número e a validade, criptografados; o código de segurança nunca é guardado.",
    pay: "Pagar",
    cancel: "Cancelar e voltar à loja",
    test_cards: "Cartões de teste",
    test_cards_hint: "Este simulador só aceita os cartões públicos de teste, com qualquer validade futura e o código 123. O valor 22.000,00 é negado.",
    minutes_left: "Este pagamento vence em",
    minutes: "minutos",
    back_to_shop: "Voltar à loja",
    no_way_back: "Você pode fechar esta página.",
    not_found: "Não encontramos este pagamento",
    not_found_text: "O endereço não é o de um pagamento. Volte à loja e comece de novo.",
    status: "Situação",
    receipt: "Comprovante",
    error_summary: "Confira os dados marcados.",
    error_required: "Este dado é obrigatório.",
    error_card: "Este simulador só aceita os cartões públicos de teste.",
    error_other_brand: "O cartão não é do meio de pagamento escolhido.",
    error_expiry: "Escreva mês e ano, por exemplo 1230.",
    error_code: "Escreva os 3 ou 4 dígitos do código.",
    error_holder: "Escreva o nome com letras, no máximo 30.",
    error_installments: "Escolha uma das parcelas oferecidas.",
    error_document: "Escreva os 11 dígitos do CPF ou os 14 do CNPJ.",
    error_brand: "Escolha um dos meios de pagamento oferecidos.",
    statuses: [
        "O pagamento foi criado.",
        "O pagamento espera os seus dados.",
        "O pagamento está em processamento.",
        "O pagamento foi autorizado e espera a confirmação da loja.",
        "A loja desfez o pagamento.",
        "O pagamento foi aprovado.",
        "O pagamento foi negado.",
        "Não foi possível falar com a autorizadora.",
        "O pagamento foi bloqueado depois de vários cartões.",
        "O pagamento venceu.",
        "O pagamento foi abandonado.",
        "O pagamento foi cancelado.",
        "O pagamento foi estornado.",
    ],
};

const ENGLISH: Labels = Labels {
    simulator_notice: "This is a simulator: it moves no money and forgets everything when it is switched off.",
    title: "Payment (simulator)",
    language: "Language",
    change_language: "Change",
    heading: "Card details",
    total: "Total",
    order: "Order",
    shop: "Shop",
    transaction: "Transaction",
    brand: "Payment method",
    brand_of_card: "The card's own",
    card_number: "Card number",
    expiry: "Expiry (MMYY)",
    security_code: "Security code",
    holder: "Name on the card",
    installments: "Instalments",
    document: "CPF or CNPJ",
    document_hint: "Required for vouchers.",
    with_interest: "with interest",
    without_interest: "without interest",
    one_payment: "One payment",
    keeps_card: "The shop asked to keep this card for later purchases. Its number and expiry are kept, encrypted; the security code is never kept.",
    pay: "Pay",
    cancel: "Cancel and go back to the shop",
    test_cards: "Test cards",
    test_cards_hint: "This simulator takes only the public test cards, with any future expiry and the code 123. The amount 22.000,00 is denied.",
    minutes_left: "This payment expires in",
    minutes: "minutes",
    back_to_shop: "Back to the shop",
    no_way_back: "You may close this page.",
    not_found: "We cannot find this payment",
    not_found_text: "The address is not that of a payment. Go back to the shop and start again.",
    status: "Status",
    receipt: "Receipt",
    error_summary: "Check the marked details.",
    error_required: "This is required.",
    error_card: "This simulator takes only the public test cards.",
    error_other_brand: "The card is not of the chosen payment method.",
    error_expiry: "Type month and year, for example 1230.",
    error_code: "Type the 3 or 4 digits of the code.",
    error_holder: "Type the name in letters, 30 at most.",
    error_installments: "Choose one of the instalments offered.",
    error_document: "Type the 11 digits of the CPF or the 14 of the CNPJ.",
    error_brand: "Choose one of the payment methods offered.",
    statuses: [
        "The payment was created.",
        "The payment waits for your details.",
        "The payment is in progress.",
        "The payment was authorized and waits for the shop's confirmation.",
        "The shop undid the payment.",
        "The payment was approved.",
        "The payment was denied.",
        "The authorizer could not be reached.",
        "The payment was blocked after several cards.",
        "The payment expired.",
        "The payment was abandoned.",
        "The payment was cancelled.",
        "The payment was given back.",
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_text_of_its_own_in_every_language() {
        for language in Language::ALL {
            let labels = of(language);
            let mut texts: Vec<_> =
                Status::ALL.into_iter().map(|status| labels.status_text(status)).collect();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts.len(), Status::ALL.len());
        }
        assert_eq!(of(Language::Portuguese).status_text(Status::Confirmed), "O pagamento foi aprovado.");
    }
}
