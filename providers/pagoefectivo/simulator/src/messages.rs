//! Messages to the payer: the mail with the code, the reminders, and the reason why one did not go out (§11).

use simulation::inbox;
use simulation::{Timestamp, World};

use crate::account::Merchant;
use crate::cip::{Cip, State};
use crate::page::words::{self, Tongue};
use crate::settings::Settings;
use crate::{PROVIDER, lima};

/// PE-U48: no reminder sooner than this after the creation.
const SOONEST_REMINDER_S: i64 = 300;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The mail with the code, to the payer.
    Generation,
    /// Its copy, to the merchant.
    GenerationCopy,
    /// The reminder by mail.
    ReminderMail,
    /// PE-U49: the reminder by phone is a text message.
    ReminderSms,
    /// What the payer sent to a phone from the page.
    CodeSms,
}

impl Kind {
    /// A word for steering.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generation => "generation_mail",
            Self::GenerationCopy => "generation_copy",
            Self::ReminderMail => "reminder_mail",
            Self::ReminderSms => "reminder_sms",
            Self::CodeSms => "code_sms",
        }
    }

    fn channel(self) -> &'static str {
        match self {
            Self::Generation | Self::GenerationCopy | Self::ReminderMail => "email",
            Self::ReminderSms | Self::CodeSms => "sms",
        }
    }
}

/// A message, or the decision not to send one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// When it was decided.
    pub at: Timestamp,
    /// Where it went, or why it did not.
    pub fate: Result<String, &'static str>,
}

/// When a reminder is due: at a part of the CIP's life, and not too soon; none when that is too late.
pub fn reminder_at(created_at: Timestamp, expires_at: Timestamp, settings: &Settings) -> Option<Timestamp> {
    let life_s = expires_at.as_second() - created_at.as_second();
    let after_s = (life_s * settings.reminder_percent / 100).max(SOONEST_REMINDER_S);
    (after_s < life_s).then(|| lima::seconds_after(created_at, after_s))
}

/// The mail with the code. Without an address there is none (§11.1).
pub fn send_generation(cip: &mut Cip, merchant: &Merchant, world: &mut dyn World) {
    let subject = format!("Tu código de pago CIP {}", cip.number);
    let text = letter("Este es tu código para pagar", cip, merchant);
    let copy = cip.order.admin_email.clone();
    match cip.order.user_email.clone() {
        Some(address) => {
            send(cip, Kind::Generation, &address, &subject, &text, world);
            if let Some(copy) = copy {
                send(cip, Kind::GenerationCopy, &copy, &subject, &text, world);
            }
        }
        None => withhold(cip, Kind::Generation, "no userEmail", world),
    }
}

/// The reminders, by mail and by phone. Nothing goes out once the CIP cannot be paid.
pub fn send_reminders(cip: &mut Cip, merchant: &Merchant, world: &mut dyn World) {
    let why = match cip.state(world.now()) {
        State::Generated => None,
        State::Paid => Some("already paid"),
        State::Expired => Some("already expired"),
        State::Removed => Some("already deleted"),
    };
    if let Some(why) = why {
        withhold(cip, Kind::ReminderMail, why, world);
        withhold(cip, Kind::ReminderSms, why, world);
        return;
    }
    match cip.order.user_email.clone() {
        Some(address) => {
            let subject = format!("Recuerda pagar tu código CIP {}", cip.number);
            let text = letter("Aún no se ha pagado tu código", cip, merchant);
            send(cip, Kind::ReminderMail, &address, &subject, &text, world);
        }
        None => withhold(cip, Kind::ReminderMail, "no userEmail", world),
    }
    match phone(cip.order.country_code.as_deref(), cip.order.phone.as_deref(), &merchant.settings) {
        Ok(number) => {
            let text = text_message(cip, merchant);
            send(cip, Kind::ReminderSms, &number, "", &text, world);
        }
        Err(why) => withhold(cip, Kind::ReminderSms, why, world),
    }
}

/// The code to a phone, as the payer asks on the page. No agreement is needed for that.
pub fn send_code(cip: &mut Cip, number: &str, merchant: &Merchant, world: &mut dyn World) {
    let text = text_message(cip, merchant);
    send(cip, Kind::CodeSms, number, "", &text, world);
}

/// The number to call, or why there is none. PE-U51: a number that is not right is no error of the API.
pub fn phone(code: Option<&str>, number: Option<&str>, settings: &Settings) -> Result<String, &'static str> {
    let (Some(code), Some(number)) = (code, number) else {
        return Err(if number.is_none() { "no userPhone" } else { "no userCodeCountry" });
    };
    if !settings.reminder_countries.iter().any(|agreed| agreed == code) {
        return Err("country not agreed");
    }
    if is_mobile(code, number) { Ok(format!("{code}{number}")) } else { Err("malformed number") }
}

/// PE-U50: in Peru nine digits of which the first is 9; in Ecuador the same, or ten with a leading 0.
pub fn is_mobile(code: &str, number: &str) -> bool {
    let national = match code {
        "+593" if number.len() == 10 => number.strip_prefix('0').unwrap_or_default(),
        "+51" | "+593" => number,
        _ => return false,
    };
    national.len() == 9 && national.starts_with('9') && national.bytes().all(|byte| byte.is_ascii_digit())
}

fn send(cip: &mut Cip, kind: Kind, to: &str, subject: &str, text: &str, world: &mut dyn World) {
    let at = world.now();
    world.mail(inbox::Message {
        channel: kind.channel().into(),
        provider: PROVIDER.into(),
        to: to.to_owned(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        at,
    });
    cip.messages.push(Message { kind, at, fate: Ok(to.to_owned()) });
}

fn withhold(cip: &mut Cip, kind: Kind, why: &'static str, world: &dyn World) {
    cip.messages.push(Message { kind, at: world.now(), fate: Err(why) });
}

fn letter(opening: &str, cip: &Cip, merchant: &Merchant) -> String {
    let greeting =
        cip.order.user_name.as_deref().map_or_else(|| "Hola:".to_owned(), |name| format!("Hola, {name}:"));
    let concept =
        cip.order.concept.as_deref().map_or_else(String::new, |concept| format!("\nConcepto: {concept}"));
    format!(
        "{greeting}\n\n{opening} en {}.\n\nCódigo de pago (CIP): {}\nMonto: {}{concept}\nPágalo antes del {}\n\nPuedes \
         pagarlo en bancos, agentes y tiendas, o por internet: busca la empresa PagoEfectivo e indica tu \
         código.\n{}\n\nMensaje del simulador de PagoEfectivo: no cobra nada.\n",
        merchant.settings.merchant_name,
        cip.number,
        words::amount(&cip.order.currency, cip.order.amount),
        words::deadline(cip.expires_at, Tongue::Spanish),
        cip.url,
    )
}

fn text_message(cip: &Cip, merchant: &Merchant) -> String {
    format!(
        "PagoEfectivo: tu CIP {} de {} por {} vence el {}. (Simulador)",
        cip.number,
        merchant.settings.merchant_name,
        words::amount(&cip.order.currency, cip.order.amount),
        words::deadline(cip.expires_at, Tongue::Spanish),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mobile_numbers_of_peru_and_ecuador_are_called() {
        for (code, number) in [("+51", "951204477"), ("+593", "991234567"), ("+593", "0991234567")] {
            assert!(is_mobile(code, number), "{code} {number}");
        }
        for (code, number) in [
            ("+51", "851204477"),
            ("+51", "95120447"),
            ("+51", "0951204477"),
            ("PE", "951204477"),
            ("+57", "951204477"),
            ("+593", "09912345x7"),
        ] {
            assert!(!is_mobile(code, number), "{code} {number}");
        }
    }

    #[test]
    fn a_reminder_comes_at_half_of_a_life_and_five_minutes_after_its_begin_at_the_soonest() {
        let settings = Settings::default();
        let at = |seconds: i64| Timestamp::from_second(1_772_461_800 + seconds).expect("in range");
        assert_eq!(reminder_at(at(0), at(14_400), &settings), Some(at(7_200)));
        assert_eq!(reminder_at(at(0), at(600), &settings), Some(at(300)));
        assert_eq!(reminder_at(at(0), at(310), &settings), Some(at(300)));
        assert_eq!(reminder_at(at(0), at(300), &settings), None);
    }
}
