//! Every text of the hosted page and of the receipt, in its three languages.

use crate::checkout::session::{Ending, Session};
use crate::checkout::texts::Language;

/// Makes a struct of texts and its three languages; a text that is missing in one does not compile.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $spanish:literal / $english:literal / $portuguese:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            $(pub $field: &'static str,)*
        }

        /// The texts of a language.
        pub fn of(language: $crate::checkout::texts::Language) -> &'static $name {
            static SPANISH: $name = $name { $($field: $spanish,)* };
            static ENGLISH: $name = $name { $($field: $english,)* };
            static PORTUGUESE: $name = $name { $($field: $portuguese,)* };
            match language {
                $crate::checkout::texts::Language::Spanish => &SPANISH,
                $crate::checkout::texts::Language::English => &ENGLISH,
                $crate::checkout::texts::Language::Portuguese => &PORTUGUESE,
            }
        }
    };
}
pub(crate) use texts;

/// A language's own name.
pub fn name_of(language: Language) -> &'static str {
    match language {
        Language::Spanish => "Español",
        Language::English => "English",
        Language::Portuguese => "Português",
    }
}

/// A kind of tax or detail (§6.3) for people; the provider's word when it has no other name.
pub fn kind(kind: &str, language: Language) -> &str {
    let [spanish, english, portuguese] = match kind {
        "valueAddedTax" => ["IVA", "VAT", "IVA"],
        "exciseDuty" => ["Impuesto al consumo", "Excise duty", "Imposto ao consumo"],
        "airportTax" => ["Tasa aeroportuaria", "Airport tax", "Taxa aeroportuária"],
        "vatDevolutionBase" => ["Base de devolución", "VAT refund base", "Base de devolução"],
        "subtotal" => ["Subtotal", "Subtotal", "Subtotal"],
        "discount" => ["Descuento", "Discount", "Desconto"],
        "shipping" => ["Envío", "Shipping", "Frete"],
        "tip" => ["Propina", "Tip", "Gorjeta"],
        "insurance" => ["Seguro", "Insurance", "Seguro"],
        "interest" | "interests" => ["Intereses", "Interest", "Juros"],
        other => [other; 3],
    };
    match language {
        Language::Spanish => spanish,
        Language::English => english,
        Language::Portuguese => portuguese,
    }
}

impl Labels {
    /// How a session stands, as a heading.
    pub fn session_heading(&self, session: &Session) -> &'static str {
        match session.ending().map(|(ending, _)| ending) {
            None if session.in_flight().is_some() => self.session_pending,
            None if !session.paid().is_zero() => self.session_partly_paid,
            None => self.session_open,
            Some(Ending::Approved) if session.order.is_subscription() => self.session_stored,
            Some(Ending::Approved) => self.session_approved,
            Some(Ending::Abandoned) => self.session_abandoned,
            Some(Ending::Expired) => self.session_expired,
            Some(Ending::Exhausted) => self.session_exhausted,
            Some(Ending::CancelledByMerchant) => self.session_cancelled,
            Some(Ending::PartlyPaid) => self.session_partial_expired,
        }
    }
}

texts!(
    /// The texts of one language.
    Labels {
        simulator_notice: "Esto es un simulador: no mueve dinero, no es el sitio de Aval Pay y olvida todo al apagarse." / "This is a simulator: it moves no money, it is not the site of Aval Pay, and it forgets everything when it stops." / "Isto é um simulador: não movimenta dinheiro, não é o site do Aval Pay e esquece tudo ao desligar.",
        title: "Aval Pay (simulador)" / "Aval Pay (simulator)" / "Aval Pay (simulador)",
        language: "Idioma" / "Language" / "Idioma",
        change_language: "Cambiar" / "Change" / "Mudar",
        go_on: "Continuar" / "Continue" / "Continuar",
        give_up: "No deseo continuar" / "I do not want to continue" / "Não desejo continuar",
        back: "Atrás" / "Back" / "Voltar",
        pay: "Pagar" / "Pay" / "Pagar",
        return_to_merchant: "Volver al comercio" / "Return to the merchant" / "Voltar ao estabelecimento",
        try_again: "Intentar de nuevo" / "Try again" / "Tentar novamente",
        refresh: "Actualizar el estado" / "Refresh the state" / "Atualizar o estado",
        print_hint: "Imprimir: use la función de impresión de su navegador." / "Print: use the print function of your browser." / "Imprimir: use a função de impressão do seu navegador.",
        email_heading: "¿A qué correo enviamos el comprobante?" / "Where do we send the receipt?" / "Para qual e-mail enviamos o comprovante?",
        email: "Correo electrónico" / "E-mail" / "E-mail",
        methods_heading: "Elija cómo pagar" / "Choose how to pay" / "Escolha como pagar",
        cards: "Tarjeta de crédito o débito" / "Credit or debit card" / "Cartão de crédito ou débito",
        no_methods: "Este comercio no tiene medios de pago habilitados para esta sesión." / "This merchant has no payment methods enabled for this session." / "Este estabelecimento não tem meios de pagamento habilitados para esta sessão.",
        card_heading: "Datos de la tarjeta" / "Card details" / "Dados do cartão",
        card_number: "Número de la tarjeta" / "Card number" / "Número do cartão",
        expiry: "Vencimiento (MM/AA)" / "Expiry (MM/YY)" / "Validade (MM/AA)",
        code: "Código de seguridad (CVV)" / "Security code (CVV)" / "Código de segurança (CVV)",
        installments: "Cuotas" / "Instalments" / "Parcelas",
        holder_name: "Nombre del titular" / "Holder's name" / "Nome do titular",
        holder_surname: "Apellidos del titular" / "Holder's surname" / "Sobrenome do titular",
        document_type: "Tipo de documento" / "Document type" / "Tipo de documento",
        document: "Número de documento" / "Document number" / "Número do documento",
        mobile: "Celular" / "Mobile" / "Celular",
        locked_hint: "El comercio fijó este dato." / "The merchant set this datum." / "O estabelecimento fixou este dado.",
        test_cards: "Tarjetas de prueba y qué hace cada una" / "Test cards and what each one does" / "Cartões de teste e o que cada um faz",
        test_cards_hint: "Código 123 y cualquier vencimiento futuro, salvo que se indique otra cosa." / "Code 123 and any future expiry, unless stated otherwise." / "Código 123 e qualquer validade futura, salvo indicação em contrário.",
        brand: "Marca" / "Brand" / "Bandeira",
        behaviour: "Comportamiento" / "Behaviour" / "Comportamento",
        does_approve: "Aprobada" / "Approved" / "Aprovada",
        does_deny: "Negada (05)" / "Denied (05)" / "Negada (05)",
        does_pend_then_approve: "Pendiente y luego aprobada" / "Pending, then approved" / "Pendente e depois aprovada",
        does_pend_then_reject: "Pendiente y luego rechazada" / "Pending, then rejected" / "Pendente e depois rejeitada",
        does_review_then_approve: "Revisión manual, aprobada al procesarse" / "Manual review, approved when processed" / "Revisão manual, aprovada ao ser processada",
        does_review_then_reject: "Revisión manual, rechazada al procesarse" / "Manual review, rejected when processed" / "Revisão manual, rejeitada ao ser processada",
        does_answer_late_approved: "Responde a los 180 segundos, aprobada" / "Answers after 180 seconds, approved" / "Responde após 180 segundos, aprovada",
        does_answer_late_rejected: "Responde a los 180 segundos, rechazada" / "Answers after 180 seconds, rejected" / "Responde após 180 segundos, rejeitada",
        does_fail: "Excepción en la red" / "Exception in the network" / "Exceção na rede",
        when_below_limit: "si el monto es menor a 200 USD; si no, negada (61)" / "below 200 USD; otherwise denied (61)" / "se o valor for menor que 200 USD; senão, negada (61)",
        when_typed: "solo con" / "only with" / "somente com",
        when_challenged: "pide código 3-D Secure 12345" / "asks for 3-D Secure code 12345" / "pede código 3-D Secure 12345",
        challenge_heading: "Su banco quiere confirmar que es usted" / "Your bank wants to confirm that it is you" / "Seu banco quer confirmar que é você",
        challenge_text: "Escriba el código 3-D Secure que le envió su banco. En este simulador es 12345." / "Type the 3-D Secure code that your bank sent. In this simulator it is 12345." / "Digite o código 3-D Secure enviado pelo seu banco. Neste simulador é 12345.",
        challenge_code: "Código 3-D Secure" / "3-D Secure code" / "Código 3-D Secure",
        password_text: "Escriba la clave de un solo uso que recibió. En este simulador es 123456 o 000000." / "Type the one-time password that you got. In this simulator it is 123456 or 000000." / "Digite a senha de uso único que você recebeu. Neste simulador é 123456 ou 000000.",
        password: "Clave de un solo uso (OTP)" / "One-time password (OTP)" / "Senha de uso único (OTP)",
        confirm: "Confirmar" / "Confirm" / "Confirmar",
        total: "Total a pagar" / "Total to pay" / "Total a pagar",
        description: "Descripción" / "Description" / "Descrição",
        reference: "Referencia" / "Reference" / "Referência",
        requested_at: "Fecha de la solicitud" / "Request date" / "Data da solicitação",
        session: "Sesión" / "Session" / "Sessão",
        expires_before: "Tu proceso expirará en" / "Your process will expire in" / "Seu processo expirará em",
        minutes: "minutos" / "minutes" / "minutos",
        help: "Ayuda" / "Help" / "Ajuda",
        base: "base" / "base" / "base",
        attempts: "Intentos de pago" / "Payment attempts" / "Tentativas de pagamento",
        attempt: "Intento" / "Attempt" / "Tentativa",
        started_at: "Fecha y hora" / "Date and time" / "Data e hora",
        state: "Estado" / "State" / "Estado",
        message: "Mensaje" / "Message" / "Mensagem",
        method: "Medio de pago" / "Method" / "Meio de pagamento",
        amount: "Valor" / "Amount" / "Valor",
        transaction_date: "Fecha de la transacción" / "Transaction date" / "Data da transação",
        response_code: "Código de respuesta" / "Response code" / "Código de resposta",
        authorization: "Autorización / CUS" / "Authorization / CUS" / "Autorização / CUS",
        receipt: "Recibo" / "Receipt" / "Recibo",
        ip_address: "Dirección IP" / "IP address" / "Endereço IP",
        receipt_subject: "Comprobante de pago" / "Payment receipt" / "Comprovante de pagamento",
        receipt_sent_to: "Enviamos el comprobante a" / "We sent the receipt to" / "Enviamos o comprovante para",
        approved: "Transacción Aprobada" / "Transaction Approved" / "Transação Aprovada",
        rejected: "Transacción Rechazada" / "Transaction Rejected" / "Transação Rejeitada",
        pending: "La transacción está pendiente" / "The transaction is pending" / "A transação está pendente",
        failed: "La transacción falló" / "The transaction failed" / "A transação falhou",
        session_open: "El proceso de pago está abierto" / "The payment process is open" / "O processo de pagamento está aberto",
        session_approved: "El proceso de pago ha finalizado: aprobado" / "The payment process has ended: approved" / "O processo de pagamento terminou: aprovado",
        session_abandoned: "El proceso de pago fue cancelado por el usuario" / "The payment process was canceled by the user" / "O processo de pagamento foi cancelado pelo usuário",
        session_expired: "El proceso de pago ha expirado" / "The payment process has expired" / "O processo de pagamento expirou",
        session_exhausted: "El proceso de pago ha finalizado: rechazado, sin más intentos" / "The payment process has ended: rejected, no attempts left" / "O processo de pagamento terminou: rejeitado, sem mais tentativas",
        session_cancelled: "La sesión no está disponible: el comercio la canceló" / "The session is not available: the merchant canceled it" / "A sessão não está disponível: o estabelecimento a cancelou",
        not_found: "No encontramos esta sesión de pago" / "We did not find this payment session" / "Não encontramos esta sessão de pagamento",
        error_required: "Este dato es obligatorio." / "This datum is required." / "Este dado é obrigatório.",
        error_email: "Escriba un correo electrónico válido." / "Type a valid e-mail address." / "Digite um e-mail válido.",
        error_card_number: "Este simulador solo acepta las tarjetas de prueba públicas." / "This simulator takes only the public test cards." / "Este simulador aceita somente os cartões de teste públicos.",
        error_brand: "Esta marca no está habilitada para este pago." / "This brand is not enabled for this payment." / "Esta bandeira não está habilitada para este pagamento.",
        error_expiry: "Escriba el vencimiento como MM/AA." / "Type the expiry as MM/YY." / "Digite a validade como MM/AA.",
        error_expired: "La tarjeta está vencida." / "The card has expired." / "O cartão está vencido.",
        error_code: "El código tiene 3 o 4 dígitos." / "The code has 3 or 4 digits." / "O código tem 3 ou 4 dígitos.",
        error_installments: "Elija de 1 a 36 cuotas." / "Choose 1 to 36 instalments." / "Escolha de 1 a 36 parcelas.",
        error_name: "Use solo letras, espacios y . ' & -, sin números." / "Use only letters, spaces and . ' & -, no digits." / "Use somente letras, espaços e . ' & -, sem números.",
        error_document_type: "Elija un tipo de documento." / "Choose a document type." / "Escolha um tipo de documento.",
        error_document: "El número no corresponde al tipo de documento." / "The number does not fit the document type." / "O número não corresponde ao tipo de documento.",
        error_mobile: "Escriba al menos 7 dígitos." / "Type at least 7 digits." / "Digite pelo menos 7 dígitos.",
        error_challenge: "El código no es correcto." / "The code is not right." / "O código não está correto.",
        error_stale_form: "Este formulario ya no es válido; complete este de nuevo." / "This form is no longer valid; fill this one in again." / "Este formulário não é mais válido; preencha este novamente.",
        save_card: "Guardar mi tarjeta para próximas compras" / "Save my card for later purchases" / "Guardar meu cartão para as próximas compras",
        card_saved: "Tarjeta guardada" / "Card saved" / "Cartão guardado",
        store_card: "Guardar tarjeta" / "Save card" / "Guardar cartão",
        store_heading: "Guardar una tarjeta" / "Save a card" / "Guardar um cartão",
        store_text: "El comercio podrá cobrar con ella después; hoy no se cobra nada." / "The merchant can charge it later; nothing is charged today." / "O estabelecimento poderá cobrar com ele depois; hoje nada é cobrado.",
        transfer: "Cuentas débito ahorro y corriente (PSE)" / "Savings and current accounts (PSE)" / "Contas poupança e corrente (PSE)",
        transfer_hint: "Paga desde la cuenta de su banco" / "Pay from your bank account" / "Pague pela conta do seu banco",
        transfer_heading: "Pago con PSE" / "Payment by PSE" / "Pagamento com PSE",
        person_kind: "Tipo de persona" / "Kind of person" / "Tipo de pessoa",
        person_natural: "Personal" / "Personal" / "Pessoal",
        person_company: "Empresarial" / "Company" / "Empresarial",
        bank: "Banco" / "Bank" / "Banco",
        choose: "Elija una opción" / "Choose one" / "Escolha uma opção",
        owner_name: "Nombre del titular de la cuenta" / "Account owner's name" / "Nome do titular da conta",
        owner_surname: "Apellidos del titular de la cuenta" / "Account owner's surname" / "Sobrenome do titular da conta",
        mobile_with_prefix: "Celular con indicativo del país (+57…)" / "Mobile with the country's prefix (+57…)" / "Celular com o código do país (+57…)",
        go_to_bank: "Ir al banco" / "Go to the bank" / "Ir ao banco",
        amount_to_pay: "Valor a pagar ahora" / "Amount to pay now" / "Valor a pagar agora",
        partial_hint: "Puede pagar en varias partes, con medios distintos." / "You may pay in several parts, with different methods." / "Você pode pagar em várias partes, com meios diferentes.",
        paid_so_far: "Pagado" / "Paid" / "Pago",
        remaining: "Por pagar" / "Still to pay" / "A pagar",
        pay_rest: "Pagar lo que falta" / "Pay the rest" / "Pagar o restante",
        shared_among: "Se reparte entre" / "Shared among" / "Dividido entre",
        own_site: "Comercio" / "Merchant" / "Estabelecimento",
        airline: "Aerolínea" / "Airline" / "Companhia aérea",
        agreement: "Convenio" / "Agreement" / "Convênio",
        check_in_note: "Preautorización: el valor se reserva y se cobra después." / "Pre-authorization: the amount is held and charged later." / "Pré-autorização: o valor é reservado e cobrado depois.",
        recurring_note: "Pago recurrente: se cobrará de nuevo" / "Recurring payment: it will be charged again" / "Pagamento recorrente: será cobrado de novo",
        every_day: "cada {} días desde el {}" / "every {} days from {}" / "a cada {} dias a partir de {}",
        every_month: "cada {} meses desde el {}" / "every {} months from {}" / "a cada {} meses a partir de {}",
        every_year: "cada {} años desde el {}" / "every {} years from {}" / "a cada {} anos a partir de {}",
        subscription: "Suscripción" / "Subscription" / "Assinatura",
        partial: "Transacción Aprobada Parcialmente" / "Transaction Partly Approved" / "Transação Aprovada Parcialmente",
        awaits_confirmation: "Pendiente de confirmación del comercio" / "Waiting for the merchant's confirmation" / "Aguardando a confirmação do estabelecimento",
        session_partly_paid: "El proceso de pago está parcialmente aprobado" / "The payment process is partly approved" / "O processo de pagamento está parcialmente aprovado",
        session_partial_expired: "El proceso de pago terminó y se pagó solo una parte" / "The payment process has ended and only a part was paid" / "O processo de pagamento terminou e só uma parte foi paga",
        session_stored: "La tarjeta quedó guardada" / "The card is saved" / "O cartão foi guardado",
        session_pending: "El proceso de pago está pendiente" / "The payment process is pending" / "O processo de pagamento está pendente",
        card_refused: "La tarjeta no pudo guardarse" / "The card could not be saved" / "Não foi possível guardar o cartão",
        refunded: "Devuelto al pagador" / "Given back to the payer" / "Devolvido ao pagador",
        to_bank_page: "Continuar en la página del banco" / "Go on at the bank's page" / "Continuar na página do banco",
        bank_notice: "¡Transacción de prueba!" / "Test transaction!" / "Transação de teste!",
        bank_text: "Este no es el sitio de su banco. Elija cómo termina la transacción y por qué." / "This is not your bank's site. Choose how the transaction ends and why." / "Este não é o site do seu banco. Escolha como a transação termina e por quê.",
        bank_state: "Estado" / "State" / "Estado",
        bank_reason: "Razón" / "Reason" / "Razão",
        bank_approved: "Aprobada" / "Approved" / "Aprovada",
        bank_pending: "Pendiente" / "Pending" / "Pendente",
        bank_declined: "Declinada" / "Declined" / "Recusada",
        bank_failed: "Fallido" / "Failed" / "Falha",
        bank_process: "Procesar transacción" / "Process transaction" / "Processar transação",
        bank_over: "Esta transacción ya no espera al banco." / "This transaction no longer waits for the bank." / "Esta transação não aguarda mais o banco.",
        back_to_payment: "Volver al pago" / "Back to the payment" / "Voltar ao pagamento",
        error_bank: "Elija un banco." / "Choose a bank." / "Escolha um banco.",
        error_person_kind: "Elija el tipo de persona." / "Choose the kind of person." / "Escolha o tipo de pessoa.",
        error_prefix: "Escriba el celular con el indicativo del país, por ejemplo +573005550147." / "Type the mobile with the country's prefix, for example +573005550147." / "Digite o celular com o código do país, por exemplo +573005550147.",
        error_amount: "Escriba un valor que no sea menor al mínimo ni mayor a lo que falta por pagar." / "Type an amount no less than the minimum and no more than what is still to be paid." / "Digite um valor não menor que o mínimo nem maior que o restante.",
        error_bank_state: "Elija un estado." / "Choose a state." / "Escolha um estado.",
        error_bank_reason: "Elija una razón que corresponda al estado." / "Choose a reason that fits the state." / "Escolha uma razão que corresponda ao estado.",
        error_company: "El tipo de documento no corresponde al tipo de persona." / "The document type does not fit the kind of person." / "O tipo de documento não corresponde ao tipo de pessoa.",
    }
);
