//! The languages of the shop's pages.

use serde::{Deserialize, Serialize};

/// A language of the shop. Spanish comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Spanish.
    #[default]
    Es,
    /// Portuguese.
    Pt,
    /// English.
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 3] = [Self::Es, Self::Pt, Self::En];

    /// The tag in addresses, cookies, the hub's API and the attribute `lang`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::Pt => "pt",
            Self::En => "en",
        }
    }

    /// The language's own name.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Es => "Español",
            Self::Pt => "Português",
            Self::En => "English",
        }
    }

    /// The word before a reference in an order's description.
    pub const fn order_word(self) -> &'static str {
        match self {
            Self::Es | Self::Pt => "Pedido",
            Self::En => "Order",
        }
    }

    /// The one of three texts, Spanish, Portuguese and English, that this language reads.
    pub const fn pick<'a>(self, texts: &[&'a str; 3]) -> &'a str {
        match self {
            Self::Es => texts[0],
            Self::Pt => texts[1],
            Self::En => texts[2],
        }
    }

    /// Reads a tag.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }
}
