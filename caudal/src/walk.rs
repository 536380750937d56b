//! Walking through pages without a browser: a visitor who follows links and fills forms as a person would.

mod document;
mod shopper;
mod visitor;

pub use self::document::Document;
pub use self::shopper::{Identity, Shopper};
pub use self::visitor::{Following, Page, WalkError};
