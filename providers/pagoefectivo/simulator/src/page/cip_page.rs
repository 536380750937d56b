//! The page of a CIP: what to pay, until when, where, and whether that is still so (§10).

use askama::Template;
use qrcodegen::{QrCode, QrCodeEcc};
use simulation::form::Form;
use simulation::{Reply, Request, Timestamp, World};

use super::labels::{self, Labels};
use super::words::{self, Tongue};
use super::{LanguageLink, channels, language_links, query, render};
use crate::account::Merchant;
use crate::cip::{Cip, State};
use crate::settings::COUNTRY_CODES;
use crate::{PagoEfectivo, barcode, messages};

/// Modules of white around a QR code.
const QUIET: i32 = 4;
/// Messages to phones that one page sends.
const MOST_MESSAGES: usize = 20;

#[derive(Template)]
#[template(path = "cip.html")]
struct CipPage {
    labels: &'static Labels,
    language: &'static str,
    languages: Vec<LanguageLink>,
    merchant: String,
    service: &'static str,
    cip: u64,
    guid: String,
    amount: String,
    concept: Option<String>,
    deadline: String,
    paid_at: Option<String>,
    rest: Option<String>,
    banner: Option<(&'static str, &'static str)>,
    told: Option<&'static str>,
    refused: Option<&'static str>,
    countries: [&'static str; 2],
    banks: Vec<&'static str>,
    shops: Vec<&'static str>,
    ecuador: Vec<&'static str>,
    qr: String,
    qr_size: i32,
    bars: String,
    bars_width: usize,
    digits: String,
}

#[derive(Template)]
#[template(path = "gone.html")]
struct GonePage<'a> {
    key: &'a str,
}

impl PagoEfectivo {
    pub(crate) fn cip_page(&self, guid: &str, request: &Request, world: &mut dyn World) -> Reply {
        let query = query(request);
        let tongue = Tongue::of(query.get("lang"));
        let labels = labels::of(tongue);
        let told = (query.get("sms") == "1").then_some(labels.sms_sent);
        self.show(guid, 200, tongue, told, None, world.now())
    }

    /// The payer has the code sent to a phone.
    pub(crate) fn take_phone(&mut self, guid: &str, request: &Request, world: &mut dyn World) -> Reply {
        let form = Form::read(&request.body);
        let tongue = Tongue::of(form.get("lang"));
        let (code, number) = (form.get("country_code"), form.get("phone"));
        let now = world.now();
        let known = self.by_guid.get(guid).and_then(|number| self.cips.get_mut(number));
        let merchant = known
            .as_ref()
            .and_then(|cip| self.merchants.iter().find(|merchant| merchant.name == cip.merchant));
        if let (Some(cip), Some(merchant)) = (known, merchant) {
            let is_right = messages::is_mobile(code, number) && cip.messages.len() < MOST_MESSAGES;
            if cip.state(now) == State::Generated && is_right {
                messages::send_code(cip, &format!("{code}{number}"), merchant, world);
                return Reply::see_other(format!("/{guid}.html?lang={}&sms=1", tongue.code()));
            }
        }
        self.show(guid, 422, tongue, None, Some(labels::of(tongue).sms_refused), now)
    }

    fn show(
        &self,
        guid: &str,
        status: u16,
        tongue: Tongue,
        told: Option<&'static str>,
        refused: Option<&'static str>,
        now: Timestamp,
    ) -> Reply {
        let cip = self.cip_of_page(guid).filter(|cip| cip.removed_at.is_none());
        let merchant = cip.and_then(|cip| self.merchant(&cip.merchant));
        let (Some(cip), Some(merchant)) = (cip, merchant) else {
            return render(404, &GonePage { key: guid });
        };
        let page = CipPage { told, refused, ..CipPage::of(cip, merchant, tongue, now) };
        render(status, &page)
    }
}

impl CipPage {
    fn of(cip: &Cip, merchant: &Merchant, tongue: Tongue, now: Timestamp) -> Self {
        let labels = labels::of(tongue);
        let state = cip.state(now);
        // PE-U47: the same page with a banner in the place of all that helps to pay.
        let banner = match state {
            State::Paid => Some(("paid", labels.banner_paid)),
            State::Expired => Some(("expired", labels.banner_expired)),
            State::Generated | State::Removed => None,
        };
        let names = |country: &str, kind: &str| -> Vec<&'static str> {
            channels::all()
                .filter(|channel| channel.country == country && channel.kind == kind)
                .map(|channel| channel.name)
                .collect()
        };
        let (qr, qr_size) = qr(&cip.url);
        let bars = barcode::draw(cip.number);
        Self {
            labels,
            language: tongue.code(),
            languages: language_links(&format!("/{}.html?", cip.guid), tongue),
            merchant: merchant.settings.merchant_name.clone(),
            // PE-U43: the service in dollars is named like the one in soles.
            service: if cip.order.currency == "USD" { "PagoEfectivo Dólares" } else { "PagoEfectivo Soles" },
            cip: cip.number,
            guid: cip.guid.clone(),
            amount: words::amount(&cip.order.currency, cip.order.amount),
            concept: cip.order.concept.clone(),
            deadline: words::deadline(cip.expires_at, tongue),
            paid_at: cip.payment.as_ref().map(|payment| words::deadline(payment.at, tongue)),
            rest: (state == State::Generated).then(|| words::rest(cip.expires_at, now, tongue)),
            banner,
            told: None,
            refused: None,
            countries: COUNTRY_CODES,
            banks: names("PE", "bank"),
            shops: names("PE", "shop"),
            ecuador: names("EC", "shop"),
            qr,
            qr_size,
            bars: bars.bars.iter().map(|(begin, width)| format!("M{begin} 0h{width}v1h-{width}z")).collect(),
            bars_width: bars.width,
            digits: bars.digits,
        }
    }
}

/// PE-U45: the page's own address as a QR code: one path of an SVG, and the side of its square.
pub(crate) fn qr(text: &str) -> (String, i32) {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return (String::new(), 1) };
    let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
    let path = dark
        .filter(|(x, y)| code.get_module(*x, *y))
        .map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET))
        .collect();
    (path, code.size() + 2 * QUIET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qr_code_holds_the_address_of_the_page() {
        let url = "http://pagoefectivo.localhost:4061/6B1D0F3E-2A94-4C7B-9E58-D3F0A1C47B62.html";
        let (path, size) = qr(url);
        let side = usize::try_from(size).expect("positive");
        let mut dark = vec![false; side * side];
        for module in path.split('M').skip(1) {
            let (x, rest) = module.split_once(' ').expect("two numbers");
            let y = rest.split('h').next().expect("a number");
            let place: [usize; 2] = [x, y].map(|number| number.parse().expect("a number"));
            dark[place[1] * side + place[0]] = true;
        }
        const SCALE: usize = 4;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * SCALE, side * SCALE, |x, y| {
            if dark[y / SCALE * side + x / SCALE] { 0 } else { 255 }
        });
        let (_, text) = image.detect_grids()[0].decode().expect("a code");
        assert_eq!(text, url);
    }
}
