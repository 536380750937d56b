//! The notice to the merchant, and when it is sent again (§6.1, §6.5).

use simulation::strict_json::Value;
use simulation::{OutgoingNotice, Timestamp};

use crate::account::{Merchant, Profile};
use crate::session::Session;

/// ET-U33: seconds between the deliveries of a notice that is not answered 200.
const PAUSES_S: &[i64] = &[60, 300];
/// C-08: what the catalogue proposes where the integration page is silent.
const PAUSES_BY_GUIDE_S: &[i64] = &[60, 300, 900];
/// The only status that ends the deliveries.
pub const TAKEN: u16 = 200;

/// A notice that carries this token; none when the merchant named no address. ET-U02: no address of ours is
/// published, so it leaves from any.
pub fn outgoing(
    session: &Session,
    merchant: &Merchant,
    token: &str,
    due_at: Timestamp,
) -> Option<OutgoingNotice> {
    let url = session.order.webhook_url.clone().or_else(|| merchant.notification_url.clone())?;
    Some(OutgoingNotice {
        account: merchant.name.clone(),
        about: session.token.clone(),
        url,
        due_at,
        // ET-U24: no header beyond the content type.
        headers: vec![("content-type".into(), "application/json".into())],
        body: body(merchant.settings.profile, token),
        from: None,
    })
}

/// `{"payment":"…"}`; D-15 reads `{"jwt":"…"}` into the integration page.
pub fn body(profile: Profile, token: &str) -> Vec<u8> {
    let member = match profile {
        Profile::Docs => "payment",
        Profile::Guide => "jwt",
    };
    Value::object([(member, Value::text(token))]).to_text().into_bytes()
}

/// Seconds until the next delivery after so many failed ones; `None` when it was the last.
pub fn pause_after(failed: usize, profile: Profile) -> Option<i64> {
    let pauses = match profile {
        Profile::Docs => PAUSES_S,
        Profile::Guide => PAUSES_BY_GUIDE_S,
    };
    pauses.get(failed.checked_sub(1)?).copied()
}
