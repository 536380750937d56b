//! What a page has done so far: where it is, what it asked for on the network, what it complained of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::BrowserError;
use crate::launch::Tally;

/// One request of a page, redirects counted one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The HTTP method.
    pub method: String,
    /// The full address, query included, fragment left out.
    pub url: String,
    /// Chromium's kind of resource: `Document`, `Stylesheet`, `Image`, `Script`, `Fetch`…
    pub resource: String,
    /// The status of the answer, once there is one.
    pub status: Option<u16>,
    /// Why there is no answer, such as `net::ERR_BLOCKED_BY_CSP`.
    pub failure: Option<String>,
}

/// Takes in the events of one page.
pub(crate) struct Recorder {
    recording: Mutex<Recording>,
    changed: watch::Sender<u64>,
    tally: Arc<Tally>,
}

/// What the events so far add up to.
#[derive(Default)]
pub(crate) struct Recording {
    /// The address of the document shown.
    pub(crate) url: String,
    /// Whether that document has finished loading.
    pub(crate) loaded: bool,
    /// How many documents have finished loading in this page.
    pub(crate) loads: u64,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) complaints: Vec<String>,
    main_frame: String,
    /// Whether it is about a frame inside a page.
    is_frame: bool,
    open: HashMap<String, usize>,
}

impl Recorder {
    /// A recorder of a page that is still empty; documents shown are counted in `tally`.
    pub(crate) fn new(tally: Arc<Tally>) -> Recorder {
        Recorder { recording: Mutex::default(), changed: watch::channel(0).0, tally }
    }

    /// A recorder of a frame that shows an address already.
    pub(crate) fn of_frame(tally: Arc<Tally>, frame: &str, url: &str) -> Recorder {
        let recorder = Recorder::new(tally);
        {
            let mut recording = recorder.now();
            recording.main_frame = frame.to_owned();
            recording.is_frame = true;
            recording.url = url.to_owned();
        }
        recorder
    }

    /// The recording at this moment.
    pub(crate) fn now(&self) -> MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` finds what it wants in the recording, or fails after `limit` naming `what`.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&Recording) -> Option<T>,
    ) -> Result<T, BrowserError> {
        let mut changes = self.changed.subscribe();
        let watching = async {
            loop {
                let found = look(&self.now());
                if let Some(found) = found {
                    return found;
                }
                // The sender lives in `self`, so waiting for the next change cannot fail.
                let _ = changes.changed().await;
            }
        };
        let outcome = tokio::time::timeout(limit, watching).await;
        outcome.map_err(|_| BrowserError::Waited {
            what: what.to_owned(),
            limit,
            url: self.now().url.clone(),
        })
    }

    /// Takes in one event of the page's session.
    pub(crate) fn take_in(&self, event: &str, params: &Value) {
        {
            let mut recording = self.now();
            match event {
                "Page.frameNavigated" => {
                    if recording.document_opened(params) {
                        self.tally.page_visited();
                    }
                }
                "Page.navigatedWithinDocument" => recording.moved_within_document(params),
                "Page.loadEventFired" => {
                    recording.loaded = true;
                    recording.loads += 1;
                }
                "Network.requestWillBeSent" => recording.request_sent(params),
                "Network.responseReceived" => recording.answered(params, &params["response"]),
                "Network.loadingFailed" => recording.failed(params),
                "Runtime.consoleAPICalled" => recording.console_called(params),
                "Runtime.exceptionThrown" => recording.exception_thrown(&params["exceptionDetails"]),
                "Log.entryAdded" => recording.log_entry(&params["entry"]),
                "Inspector.targetCrashed" => recording.complaints.push("the page crashed".to_owned()),
                _ => return,
            }
        }
        self.changed.send_modify(|version| *version += 1);
    }
}

impl Recording {
    /// Notes the document of a frame; says whether it is the page's own and not the empty one.
    fn document_opened(&mut self, params: &Value) -> bool {
        let frame = &params["frame"];
        let is_own = match self.is_frame {
            true => frame["id"].as_str() == Some(&self.main_frame),
            false => frame.get("parentId").is_none(),
        };
        if !is_own {
            return false;
        }
        self.main_frame = text(&frame["id"]);
        self.url = text(&frame["url"]) + frame["urlFragment"].as_str().unwrap_or_default();
        // A document that comes back from the cache of the history is complete and tells of no load.
        self.loaded = params["type"].as_str() == Some("BackForwardCacheRestore");
        self.loads += u64::from(self.loaded);
        self.url != "about:blank"
    }

    fn moved_within_document(&mut self, params: &Value) {
        if params["frameId"].as_str() == Some(&self.main_frame) {
            self.url = text(&params["url"]);
        }
    }

    fn request_sent(&mut self, params: &Value) {
        // A redirect comes as a second request of the same id that carries the first one's answer.
        if let Some(answer) = params.get("redirectResponse") {
            self.answered(params, answer);
        }
        self.open.insert(text(&params["requestId"]), self.exchanges.len());
        self.exchanges.push(Exchange {
            method: text(&params["request"]["method"]),
            url: text(&params["request"]["url"]),
            resource: text(&params["type"]),
            status: None,
            failure: None,
        });
    }

    fn answered(&mut self, params: &Value, answer: &Value) {
        if let Some(exchange) = self.open_exchange(params) {
            exchange.status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        }
    }

    fn failed(&mut self, params: &Value) {
        if let Some(exchange) = self.open_exchange(params) {
            let blocked = params["blockedReason"].as_str().map(|reason| format!(" ({reason})"));
            exchange.failure = Some(text(&params["errorText"]) + &blocked.unwrap_or_default());
        }
    }

    fn open_exchange(&mut self, params: &Value) -> Option<&mut Exchange> {
        let index = *self.open.get(params["requestId"].as_str()?)?;
        self.exchanges.get_mut(index)
    }

    fn console_called(&mut self, params: &Value) {
        if !matches!(params["type"].as_str(), Some("error" | "assert")) {
            return;
        }
        let words = params["args"].as_array().into_iter().flatten().map(|argument| {
            argument["value"].as_str().or(argument["description"].as_str()).unwrap_or_default().to_owned()
        });
        self.complaints.push(words.collect::<Vec<_>>().join(" "));
    }

    fn exception_thrown(&mut self, details: &Value) {
        let description = details["exception"]["description"].as_str();
        let complaint = description.map_or_else(|| text(&details["text"]), str::to_owned);
        self.complaints.push(complaint);
    }

    fn log_entry(&mut self, entry: &Value) {
        if entry["level"].as_str() == Some("error") {
            self.complaints
                .push(format!("{} {}", text(&entry["text"]), text(&entry["url"])).trim().to_owned());
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recorder() -> Recorder {
        Recorder::new(Arc::default())
    }

    #[test]
    fn a_redirect_is_two_exchanges_with_a_status_each() {
        let recorder = recorder();
        let request = |url: &str| json!({ "method": "GET", "url": url });
        recorder.take_in(
            "Network.requestWillBeSent",
            &json!({ "requestId": "7", "type": "Document", "request": request("http://a.localhost/") }),
        );
        recorder.take_in(
            "Network.requestWillBeSent",
            &json!({
                "requestId": "7", "type": "Document", "request": request("http://b.localhost/"),
                "redirectResponse": { "status": 303 },
            }),
        );
        recorder
            .take_in("Network.responseReceived", &json!({ "requestId": "7", "response": { "status": 200 } }));
        let seen: Vec<_> =
            recorder.now().exchanges.iter().map(|exchange| (exchange.url.clone(), exchange.status)).collect();
        assert_eq!(
            seen,
            [("http://a.localhost/".to_owned(), Some(303)), ("http://b.localhost/".to_owned(), Some(200))]
        );
    }

    #[test]
    fn a_frame_inside_the_page_does_not_change_its_address() {
        let recorder = recorder();
        let frame = json!({ "frame": { "id": "1", "url": "http://a.localhost/" } });
        let inner = json!({ "frame": { "id": "2", "parentId": "1", "url": "http://ads.localhost/" } });
        recorder.take_in("Page.frameNavigated", &frame);
        recorder.take_in("Page.frameNavigated", &inner);
        assert_eq!(recorder.now().url, "http://a.localhost/");
    }

    #[test]
    fn an_unknown_event_is_no_concern() {
        let recorder = recorder();
        recorder.take_in("Page.somethingOfNextYear", &json!({ "any": [1, 2] }));
        recorder.take_in("Network.responseReceived", &json!(null));
        assert!(recorder.now().exchanges.is_empty());
    }
}
