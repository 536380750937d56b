//! A sandbox around a toy simulator, seen from outside over real HTTP.

mod clock;
mod hardships;
mod notices;
mod page;
mod setting;
mod steering;
mod tls;
mod toy;
