//! The provider's page in a frame over the shop's own (PROTOCOL.md 15): for which orders, and by which script.

use payment::order::Order;
use url::Url;

/// Methods that are typed on the provider's page and lead no further. A jump to a bank's page loses the frame (AV-3-06), and
/// whoever may choose freely may choose a bank.
const TYPED_ON_THE_PAGE: [&str; 11] = [
    "visa",
    "master",
    "amex",
    "diners",
    "discover",
    "maestro",
    "visa_electron",
    "codensa",
    "exito",
    "alkosto",
    "somos",
];

/// The script for an order. AV-U44: it is assumed to lie at the host of the pages. A kept card needs no page.
pub fn script(order: &Order, base_url: &Url) -> Option<Url> {
    let stays = |method: &String| TYPED_ON_THE_PAGE.contains(&method.as_str());
    let is_typed = !order.methods.is_empty() && order.methods.iter().all(stays);
    if !is_typed || order.instrument.is_some() {
        return None;
    }
    base_url.join("/lightbox.min.js").ok()
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::sound;
    use super::*;

    fn with(methods: &[&str]) -> Option<String> {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        let base_url = "https://checkout.test.avalpaycenter.com/api/".parse().expect("an address");
        script(&Order { methods, ..sound() }, &base_url).map(String::from)
    }

    #[test]
    fn only_what_leads_no_further_opens_in_a_frame() {
        let expected = "https://checkout.test.avalpaycenter.com/lightbox.min.js";
        assert_eq!(with(&["visa", "master"]).as_deref(), Some(expected));
        for methods in [&["visa", "pse"][..], &["pse"], &["bancolombia"], &["otra"], &[]] {
            assert_eq!(with(methods), None, "{methods:?}");
        }
        let base_url = "mailto:soporte@checkout.example".parse().expect("an address");
        assert_eq!(script(&Order { methods: vec!["visa".into()], ..sound() }, &base_url), None);
    }
}
