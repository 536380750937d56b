//! A shopper: buys in a shop, pays on a provider's page, and fills forms as a browser's autofill would.

use shop::market::Market;

use super::document::{Field, FieldKind, Form};
use super::visitor::{Following, Page, Visitor, WalkError};

/// Pages that a purchase or a payment may lead through.
const MOST_PAGES: usize = 12;
/// The public test code of the test cards.
const CARD_CODE: &str = "123";
/// A month that no test run will see the end of.
const CARD_EXPIRY: &str = "12/49";

/// What the shopper writes, by the purpose that a page gives a field (`autocomplete`) or by its name.
const ANSWERS: [(&str, &str); 11] = [
    ("cc-exp", CARD_EXPIRY),
    ("cc-csc", CARD_CODE),
    ("email", "persona@correo.example"),
    ("given-name", "Persona"),
    ("cc-given-name", "Persona"),
    ("name", "Persona"),
    ("family-name", "De Prueba"),
    ("cc-family-name", "De Prueba"),
    ("surname", "De Prueba"),
    ("kind", "person"),
    ("own_card", "yes"),
];

/// What a shopper of a country shows and where he is called; all of it plainly invented.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The kind of document.
    pub document_type: &'static str,
    /// Its number.
    pub document_number: &'static str,
    /// National number.
    pub mobile: &'static str,
}

/// A shopper with a browser of their own.
pub struct Shopper {
    visitor: Visitor,
    market: Market,
}

impl Identity {
    /// The one of a market's shoppers.
    pub const fn of(market: Market) -> Self {
        let (document_type, document_number, mobile) = match market {
            Market::Colombia => ("CC", "1010101010", "3005550147"),
            Market::Peru => ("DNI", "00000001", "900000001"),
            Market::Ecuador => ("CI", "0000000001", "900000001"),
            Market::Chile => ("RUT", "11.111.111-1", "900000001"),
            Market::Mexico => ("RFC", "XAXX010101000", "5500000001"),
            Market::Brazil => ("CPF", "00000000191", "11900000001"),
        };
        Self { document_type, document_number, mobile }
    }

    fn answer(&self, purpose: &str) -> Option<&'static str> {
        match purpose {
            "document_type" => Some(self.document_type),
            "document_number" | "document" => Some(self.document_number),
            "tel" | "mobile" | "tel-national" => Some(self.mobile),
            _ => None,
        }
    }
}

impl Shopper {
    /// A shopper of a market whom nobody knows yet.
    ///
    /// # Errors
    /// When the machine's certificates cannot be read.
    pub fn of(market: Market) -> Result<Self, reqwest::Error> {
        Ok(Self { visitor: Visitor::new()?, market })
    }

    /// The shopper's browser.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// Puts the first thing on sale into the cart, fills the buyer's form, and presses the pay button: the page
    /// that comes is the provider's, or the order's own where nothing can be paid.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn order(&self, shop: &url::Url) -> Result<Page, WalkError> {
        let mut front = shop.clone();
        front.query_pairs_mut().append_pair("market", self.market.word());
        let mut page = self.visitor.open(&front).await?;
        let mut has_added = false;
        for _ in 0..MOST_PAGES {
            if page.url.host() != shop.host() || page.url.path().starts_with("/orders/") {
                return Ok(page);
            }
            let forms = &page.document.forms;
            let form = forms
                .iter()
                .find(|form| form.has("accept_terms"))
                .or_else(|| forms.iter().find(|form| !has_added && form.has("sku")));
            page = match form {
                Some(form) => {
                    has_added = true;
                    let answers = self.answers(form, "");
                    self.visitor.send(&page, form, &answers, last_button(form), Following::Every).await?
                }
                None => self.go_on(&page, &["/checkout", "/cart"]).await?,
            };
            if page.status.is_client_error() || page.status.is_server_error() {
                return Err(page.lacks("way on to the payment"));
            }
        }
        Err(page.lacks("way on to the payment"))
    }

    /// Pays on the provider's page with a card, or tries again after a refusal: the page that comes tells the result.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn pay(&self, page: Page, card: &str) -> Result<Page, WalkError> {
        self.pay_so_much(page, card, None).await
    }

    /// The same where the page asks how much: so much, or what the page says.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn pay_so_much(
        &self,
        mut page: Page,
        card: &str,
        amount: Option<&str>,
    ) -> Result<Page, WalkError> {
        for _ in 0..MOST_PAGES {
            if let Some(form) = form_for(&page, "cc-number") {
                let mut answers = self.answers(form, card);
                answers.extend(amount.map(|amount| ("amount".to_owned(), amount.to_owned())));
                let result =
                    self.visitor.send(&page, form, &answers, last_button(form), Following::Every).await?;
                let is_refused = result.status.is_client_error() || form_for(&result, "cc-number").is_some();
                return if is_refused { Err(result.lacks("result of the payment")) } else { Ok(result) };
            }
            page = match form_for(&page, "email") {
                Some(form) => {
                    let answers = self.answers(form, card);
                    self.visitor.send(&page, form, &answers, last_button(form), Following::Every).await?
                }
                None => self.go_on_within(&page).await?,
            };
        }
        Err(page.lacks("form for a card"))
    }

    /// Fills the named fields of the form that goes to an address with this end, and sends it.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn fill(
        &self,
        page: &Page,
        end: &str,
        fields: &[(&str, &str)],
        following: Following,
    ) -> Result<Page, WalkError> {
        let form = page.document.forms.iter().find(|form| form.action.ends_with(end));
        let form = form.ok_or_else(|| page.lacks(format!("form to …{end}")))?;
        let filled: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.visitor.send(page, form, &filled, last_button(form), following).await
    }

    /// Goes back to the merchant from the provider's result page.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn return_to_merchant(&self, page: &Page) -> Result<Page, WalkError> {
        let mut onward = page.document.links.iter().filter_map(|(href, _)| page.url.join(href).ok());
        let away = onward.find(|url| url.host().is_some() && url.host() != page.url.host());
        self.visitor.open(&away.ok_or_else(|| page.lacks("way back to the merchant"))?).await
    }

    /// Gives up on the provider's page: a form that asks for nothing but its button.
    ///
    /// # Errors
    /// [`WalkError`].
    pub async fn give_up(&self, page: &Page, following: Following) -> Result<Page, WalkError> {
        let is_bare = |form: &&Form| {
            form.is_post && form.fields.iter().all(|field| matches!(field.kind, FieldKind::Button(_)))
        };
        let form = page.document.forms.iter().find(is_bare).ok_or_else(|| page.lacks("way to give up"))?;
        self.visitor.send(page, form, &[], last_button(form), following).await
    }

    async fn go_on(&self, page: &Page, wanted: &[&str]) -> Result<Page, WalkError> {
        let links = page.document.links.iter().filter_map(|(href, _)| page.url.join(href).ok());
        let links: Vec<url::Url> = links.collect();
        let onward = wanted.iter().find_map(|path| links.iter().find(|url| url.path().starts_with(path)));
        self.visitor.open(onward.ok_or_else(|| page.lacks(wanted.join(" or ")))?).await
    }

    /// The first link that stays on the site and leaves the page.
    async fn go_on_within(&self, page: &Page) -> Result<Page, WalkError> {
        let mut links = page.document.links.iter().filter_map(|(href, _)| page.url.join(href).ok());
        let onward =
            links.find(|url| url.host().is_some() && url.host() == page.url.host() && *url != page.url);
        self.visitor.open(&onward.ok_or_else(|| page.lacks("way on"))?).await
    }

    /// What the shopper writes into the fields of a form: what the page filled in stays.
    fn answers(&self, form: &Form, card: &str) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        for field in form.fields.iter().filter(|field| !field.name.is_empty()) {
            let known = |key: &str| {
                let usual = || ANSWERS.iter().find(|(purpose, _)| *purpose == key).map(|(_, answer)| *answer);
                Identity::of(self.market).answer(key).or_else(usual)
            };
            let answer = match &field.kind {
                FieldKind::Checkbox => {
                    Some(field.value.as_str()).filter(|_| field.name.starts_with("accept"))
                }
                FieldKind::Radio => known(&field.name),
                FieldKind::Text | FieldKind::Select(_) if field.value.is_empty() => {
                    match field.autocomplete.as_str() {
                        "cc-number" => Some(card),
                        purpose => known(purpose).or_else(|| known(&field.name)),
                    }
                }
                FieldKind::Text | FieldKind::Select(_) | FieldKind::Hidden | FieldKind::Button(_) => None,
            };
            answers.extend(answer.map(|answer| (field.name.clone(), answer.to_owned())));
        }
        answers
    }
}

/// The form with a field for a purpose.
fn form_for<'page>(page: &'page Page, purpose: &str) -> Option<&'page Form> {
    page.document.forms.iter().find(|form| form.fields.iter().any(|field| field.autocomplete == purpose))
}

fn last_button(form: &Form) -> Option<&Field> {
    form.buttons().last().map(|(field, _)| field)
}
