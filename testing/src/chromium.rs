//! Chromium for a story, with evidence of what it did.

use std::ops::Deref;

use browser::{Browser, BrowserError, BrowserOptions};

use crate::evidence::BrowserUse;
use crate::{Witness, nothing_may_be_skipped, say_skipped, witness};

/// Starts Chromium for the running story. `None`, with a line on standard error, when none is installed; the
/// story then has to end.
///
/// # Panics
/// When no story is running on this thread; when Chromium does not start; when none is installed and
/// nothing may be skipped.
pub async fn chromium(options: BrowserOptions) -> Option<StoryBrowser> {
    let witness = witness();
    match Browser::launch(options).await {
        Ok(browser) => Some(StoryBrowser { browser, witness }),
        Err(BrowserError::NotInstalled) if !nothing_may_be_skipped() => {
            say_skipped("a story in Chromium", &BrowserError::NotInstalled);
            None
        }
        Err(error) => panic!("Chromium is needed here: {error}"),
    }
}

/// A [`Browser`] whose visits count as evidence of the story that started it.
pub struct StoryBrowser {
    browser: Browser,
    witness: Witness,
}

impl Deref for StoryBrowser {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Drop for StoryBrowser {
    fn drop(&mut self) {
        self.witness.browser_used(BrowserUse {
            version: self.browser.version().to_owned(),
            javascript: self.browser.options().javascript,
            pages: self.browser.pages_visited(),
            screenshots: self.browser.screenshots(),
        });
    }
}
