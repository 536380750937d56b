//! Walking through pages without a browser: a visitor who follows links and fills forms as a person would.

mod document;
mod shopper;
mod visitor;

pub use self::shopper::Shopper;
pub use self::visitor::{Following, Page};
