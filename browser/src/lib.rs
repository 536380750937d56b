//! A small DevTools client that drives Chromium, with JavaScript on or off.
//!
//! ```no_run
//! # async fn story() -> Result<(), browser::BrowserError> {
//! let browser = browser::Browser::launch(browser::BrowserOptions::default()).await?;
//! let page = browser.new_page().await?;
//! page.goto("http://shop.localhost:8080/").await?;
//! page.type_text("input[name=email]", "shopper@example.test").await?;
//! page.submit("button[type=submit]").await?;
//! assert!(page.text("h1").await?.contains("Gracias"));
//! # Ok(()) }
//! ```
//!
//! Nothing here runs script in a page: elements are found, clicked and typed into by the `DOM` and
//! `Input` domains, so that a page behaves the same for this client whether its own scripts run or not.
//! Commands and events are JSON values; an event this client does not know is simply not recorded, so a
//! newer Chromium does not break it.
//!
//! Names under `localhost` (`shop.localhost`, `hub.localhost`) are different sites for cookies and form
//! posts, and Chromium resolves all of them to the loopback address itself.

mod connection;
mod element;
mod error;
mod launch;
mod page;
mod recorder;

pub use element::Element;
pub use error::BrowserError;
pub use launch::{Browser, BrowserOptions};
pub use page::{AccessibleNode, Cookie, Page};
pub use recorder::Exchange;
