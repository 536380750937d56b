//! One page: going somewhere, finding elements, and what can be seen from outside.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::element::Element;
use crate::launch::Tally;
use crate::recorder::{Exchange, Recorder};
use crate::{BrowserError, BrowserOptions};

/// How often an element that is not there yet is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One page of a [`crate::Browser`].
pub struct Page {
    connection: Arc<Connection>,
    recorder: Arc<Recorder>,
    tally: Arc<Tally>,
    target: String,
    session: String,
    /// Whether it is the document in a frame of another page.
    pub(crate) is_framed: bool,
    wait_timeout: Duration,
    /// Node ids are valid until the document is asked for anew, so one look-up must not cross another.
    look_up: tokio::sync::Mutex<()>,
}

/// One cookie of the browser, of whatever site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The site it is sent to.
    pub domain: String,
    /// The path it is sent to.
    pub path: String,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Whether it travels on TLS only.
    pub secure: bool,
    /// `Strict`, `Lax` or `None`; empty when the server did not say.
    pub same_site: String,
}

/// What assistive technology is told about one thing on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessibleNode {
    /// Its role: `heading`, `textbox`, `button`, `link`…
    pub role: String,
    /// Its name; empty when it has none, which is a defect of a control.
    pub name: String,
    /// Its value, of fields.
    pub value: String,
}

impl Page {
    pub(crate) async fn open(
        connection: Arc<Connection>,
        options: &BrowserOptions,
        tally: Arc<Tally>,
    ) -> Result<Page, BrowserError> {
        let created = connection.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await?;
        let target = member(&created, "Target.createTarget", "targetId")?;
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = connection.call(None, "Target.attachToTarget", attach).await?;
        let session = member(&attached, "Target.attachToTarget", "sessionId")?;
        let recorder = Arc::new(Recorder::new(Arc::clone(&tally)));
        connection.record(&session, Arc::clone(&recorder));
        let page = Page {
            connection,
            recorder,
            tally,
            target,
            session,
            is_framed: false,
            wait_timeout: options.wait_timeout,
            look_up: tokio::sync::Mutex::new(()),
        };
        page.listen().await?;
        let silence = json!({ "value": !options.javascript });
        page.call("Emulation.setScriptExecutionDisabled", silence).await?;
        if let Some(name) = &options.user_agent {
            let name = json!({ "userAgent": name, "acceptLanguage": options.languages });
            page.call("Emulation.setUserAgentOverride", name).await?;
        }
        Ok(page)
    }

    /// The document of another site in a frame of this page, waited for: a page of its own, in which one clicks and types, and
    /// which ends with the frame. `wanted` is asked with the frame's address.
    ///
    /// # Errors
    /// [`BrowserError::Waited`] when there is no such frame.
    pub async fn frame(&self, wanted: impl Fn(&str) -> bool) -> Result<Page, BrowserError> {
        let deadline = Instant::now() + self.wait_timeout;
        let (target, url) = loop {
            let told = self.connection.call(None, "Target.getTargets", json!({})).await?;
            let mut frames = told["targetInfos"].as_array().into_iter().flatten();
            let found =
                frames.find(|info| info["type"] == "iframe" && info["url"].as_str().is_some_and(&wanted));
            if let Some(found) = found {
                let word = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
                break (word("targetId"), word("url"));
            }
            if Instant::now() >= deadline {
                let what = "a frame of another site".to_owned();
                return Err(BrowserError::Waited { what, limit: self.wait_timeout, url: self.url() });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = self.connection.call(None, "Target.attachToTarget", attach).await?;
        let session = member(&attached, "Target.attachToTarget", "sessionId")?;
        let recorder = Arc::new(Recorder::of_frame(Arc::clone(&self.tally), &target, &url));
        self.connection.record(&session, Arc::clone(&recorder));
        let frame = Page {
            connection: Arc::clone(&self.connection),
            recorder,
            tally: Arc::clone(&self.tally),
            target,
            session,
            is_framed: true,
            wait_timeout: self.wait_timeout,
            look_up: tokio::sync::Mutex::new(()),
        };
        frame.listen().await?;
        Ok(frame)
    }

    /// Opens an address and waits until it has loaded, redirects followed. Any HTTP status is a page.
    ///
    /// # Errors
    /// [`BrowserError::Navigation`] when there is no answer at all, [`BrowserError::Waited`] when it does not
    /// finish loading.
    pub async fn goto(&self, url: &str) -> Result<(), BrowserError> {
        let loads = self.recorder.now().loads;
        let answer = self.call("Page.navigate", json!({ "url": url })).await?;
        if let Some(reason) = answer["errorText"].as_str() {
            return Err(BrowserError::Navigation { url: url.to_owned(), reason: reason.to_owned() });
        }
        // A jump within the document shown loads nothing.
        if answer["loaderId"].is_null() { Ok(()) } else { self.wait_for_load(loads).await }
    }

    /// Waits until the page shows a loaded document whose address is as wanted; returns the address.
    ///
    /// # Errors
    /// [`BrowserError::Waited`].
    pub async fn wait_for_url(&self, wanted: impl Fn(&str) -> bool) -> Result<String, BrowserError> {
        self.recorder
            .wait_for("the wanted address", self.wait_timeout, |recording| {
                (recording.loaded && wanted(&recording.url)).then(|| recording.url.clone())
            })
            .await
    }

    /// The address of the document shown.
    pub fn url(&self) -> String {
        self.recorder.now().url.clone()
    }

    /// The title of the document, empty when it has none.
    ///
    /// # Errors
    /// Whatever stops a command.
    pub async fn title(&self) -> Result<String, BrowserError> {
        match self.find("title").await? {
            Some(title) => title.text().await,
            None => Ok(String::new()),
        }
    }

    /// The first element that a CSS selector finds at this moment.
    ///
    /// # Errors
    /// Whatever stops a command, such as a selector that is none.
    pub async fn find(&self, selector: &str) -> Result<Option<Element<'_>>, BrowserError> {
        Ok(self.find_all(selector).await?.into_iter().next())
    }

    /// All elements that a CSS selector finds at this moment, in the order of the document.
    ///
    /// # Errors
    /// Whatever stops a command, such as a selector that is none.
    pub async fn find_all(&self, selector: &str) -> Result<Vec<Element<'_>>, BrowserError> {
        let _alone = self.look_up.lock().await;
        let document = self.call("DOM.getDocument", json!({ "depth": 0 })).await?;
        let root = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let found = self.call("DOM.querySelectorAll", root).await?;
        let mut elements = Vec::new();
        for node in found["nodeIds"].as_array().into_iter().flatten() {
            let described = self.call("DOM.describeNode", json!({ "nodeId": node })).await?;
            let backend_node = described["node"]["backendNodeId"]
                .as_u64()
                .ok_or(BrowserError::Unexpected { command: "DOM.describeNode", member: "backendNodeId" })?;
            elements.push(Element::new(self, selector, backend_node));
        }
        Ok(elements)
    }

    /// The first element that a CSS selector finds, waited for.
    ///
    /// # Errors
    /// [`BrowserError::Waited`] when it does not come.
    pub async fn element(&self, selector: &str) -> Result<Element<'_>, BrowserError> {
        let deadline = Instant::now() + self.wait_timeout;
        loop {
            match self.find(selector).await {
                Ok(Some(element)) => return Ok(element),
                // While one document gives way to the next, look-ups are refused.
                Ok(None) | Err(BrowserError::Refused { .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
                Ok(None) => {
                    return Err(BrowserError::Waited {
                        what: selector.to_owned(),
                        limit: self.wait_timeout,
                        url: self.url(),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Clicks an element, see [`Element::click`]; does not wait for what follows.
    ///
    /// # Errors
    /// As [`Page::element`] and [`Element::click`].
    pub async fn click(&self, selector: &str) -> Result<(), BrowserError> {
        self.element(selector).await?.click().await
    }

    /// Clicks an element and waits until the document that follows has loaded.
    ///
    /// # Errors
    /// As [`Page::click`], and [`BrowserError::Waited`] when no document follows.
    pub async fn submit(&self, selector: &str) -> Result<(), BrowserError> {
        let element = self.element(selector).await?;
        let loads = self.recorder.now().loads;
        element.click().await?;
        self.wait_for_load(loads).await
    }

    /// Replaces what a text field holds, see [`Element::type_text`].
    ///
    /// # Errors
    /// As [`Page::element`] and [`Element::type_text`].
    pub async fn type_text(&self, selector: &str, text: &str) -> Result<(), BrowserError> {
        self.element(selector).await?.type_text(text).await
    }

    /// Chooses an option of a `select` by its value, see [`Element::select`].
    ///
    /// # Errors
    /// As [`Page::element`] and [`Element::select`].
    pub async fn select(&self, selector: &str, value: &str) -> Result<(), BrowserError> {
        self.element(selector).await?.select(value).await
    }

    /// The text of an element, see [`Element::text`].
    ///
    /// # Errors
    /// As [`Page::element`] and [`Element::text`].
    pub async fn text(&self, selector: &str) -> Result<String, BrowserError> {
        self.element(selector).await?.text().await
    }

    /// The document as markup, with what is hidden in it.
    ///
    /// # Errors
    /// Whatever stops the command.
    pub async fn html(&self) -> Result<String, BrowserError> {
        let root = self.call("DOM.getDocument", json!({})).await?["root"]["nodeId"].take();
        let command = "DOM.getOuterHTML";
        member(&self.call(command, json!({ "nodeId": root })).await?, command, "outerHTML")
    }

    /// Goes one step back in the page's history and waits until that document has loaded.
    ///
    /// # Errors
    /// [`BrowserError::Unexpected`] when there is nowhere to go back to; [`BrowserError::Waited`].
    pub async fn go_back(&self) -> Result<(), BrowserError> {
        let command = "Page.getNavigationHistory";
        let history = self.call(command, json!({})).await?;
        let nowhere = BrowserError::Unexpected { command, member: "earlier entry" };
        let current = history["currentIndex"].as_u64().and_then(|index| usize::try_from(index).ok());
        let Some(earlier) = current.and_then(|index| index.checked_sub(1)) else { return Err(nowhere) };
        let entry = history["entries"][earlier]["id"].clone();
        let loads = self.recorder.now().loads;
        self.call("Page.navigateToHistoryEntry", json!({ "entryId": entry })).await?;
        self.wait_for_load(loads).await
    }

    /// Writes a picture of the whole document, below the window's edge too, as a PNG file. Folders that
    /// are missing are made.
    ///
    /// # Errors
    /// [`BrowserError::Write`], and whatever stops a command.
    pub async fn screenshot(&self, path: &Path) -> Result<(), BrowserError> {
        let size = self.call("Page.getLayoutMetrics", json!({})).await?["cssContentSize"].take();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let params = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let command = "Page.captureScreenshot";
        let picture = member(&self.call(command, params).await?, command, "data")?;
        let picture = STANDARD
            .decode(picture)
            .map_err(|_| BrowserError::Unexpected { command, member: "Base64 picture" })?;
        let write = |source| BrowserError::Write { path: path.to_owned(), source };
        if let Some(folder) = path.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(write)?;
        }
        tokio::fs::write(path, picture).await.map_err(write)?;
        self.tally.screenshot_written(path);
        Ok(())
    }

    /// Shows the page from now on as a phone does whose screen is so large, in CSS pixels.
    ///
    /// # Errors
    /// Whatever stops the command.
    pub async fn show_on_phone(&self, width: u32, height: u32) -> Result<(), BrowserError> {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        self.call("Emulation.setDeviceMetricsOverride", screen).await.map(|_| ())
    }

    /// How wide the document is, in CSS pixels: wider than the window where one has to scroll sideways.
    ///
    /// # Errors
    /// Whatever stops the command.
    pub async fn content_width(&self) -> Result<f64, BrowserError> {
        let command = "Page.getLayoutMetrics";
        let width = self.call(command, json!({})).await?["cssContentSize"]["width"].as_f64();
        width.ok_or(BrowserError::Unexpected { command, member: "cssContentSize" })
    }

    /// What the page complained of since it was opened: errors on the console, exceptions, resources that
    /// did not come, breaches of its content security policy.
    pub fn console_errors(&self) -> Vec<String> {
        self.recorder.now().complaints.clone()
    }

    /// What the page asked for on the network since it was opened.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.recorder.now().exchanges.clone()
    }

    /// All cookies that the browser holds.
    ///
    /// # Errors
    /// Whatever stops the command.
    pub async fn cookies(&self) -> Result<Vec<Cookie>, BrowserError> {
        let answer = self.connection.call(None, "Storage.getCookies", json!({})).await?;
        let word = |cookie: &Value, name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
        let cookies = answer["cookies"].as_array().into_iter().flatten().map(|cookie| Cookie {
            name: word(cookie, "name"),
            value: word(cookie, "value"),
            domain: word(cookie, "domain"),
            path: word(cookie, "path"),
            http_only: cookie["httpOnly"].as_bool().unwrap_or_default(),
            secure: cookie["secure"].as_bool().unwrap_or_default(),
            same_site: word(cookie, "sameSite"),
        });
        Ok(cookies.collect())
    }

    /// What assistive technology is told about the page, in the order of the document, without what is
    /// hidden from it.
    ///
    /// # Errors
    /// Whatever stops the command.
    pub async fn accessibility_tree(&self) -> Result<Vec<AccessibleNode>, BrowserError> {
        let answer = self.call("Accessibility.getFullAXTree", json!({})).await?;
        let word = |node: &Value, name: &str| node[name]["value"].as_str().unwrap_or_default().to_owned();
        let nodes = answer["nodes"].as_array().into_iter().flatten();
        let told = nodes.filter(|node| node["ignored"].as_bool() != Some(true));
        Ok(told
            .map(|node| AccessibleNode {
                role: word(node, "role"),
                name: word(node, "name"),
                value: word(node, "value"),
            })
            .collect())
    }

    /// Closes the page.
    ///
    /// # Errors
    /// Whatever stops the command.
    pub async fn close(self) -> Result<(), BrowserError> {
        let close = json!({ "targetId": self.target });
        self.connection.call(None, "Target.closeTarget", close).await?;
        Ok(())
    }

    async fn listen(&self) -> Result<(), BrowserError> {
        for command in
            ["Page.enable", "Network.enable", "Runtime.enable", "Log.enable", "Accessibility.enable"]
        {
            self.call(command, json!({})).await?;
        }
        Ok(())
    }

    pub(crate) async fn call(&self, command: &'static str, params: Value) -> Result<Value, BrowserError> {
        self.connection.call(Some(&self.session), command, params).await
    }

    async fn wait_for_load(&self, loads_before: u64) -> Result<(), BrowserError> {
        self.recorder
            .wait_for("the document to load", self.wait_timeout, |recording| {
                (recording.loaded && recording.loads > loads_before).then_some(())
            })
            .await
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.connection.forget(&self.session);
    }
}

fn member(answer: &Value, command: &'static str, name: &'static str) -> Result<String, BrowserError> {
    let value = answer[name].as_str().ok_or(BrowserError::Unexpected { command, member: name })?;
    Ok(value.to_owned())
}
