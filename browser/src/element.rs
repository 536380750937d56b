//! One element of a page: its text, its attributes, and what a person does to it.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::BrowserError;
use crate::page::Page;

/// One element of a page, found by [`Page::find`] or [`Page::element`]. It is of the document it was found
/// in and of no later one.
pub struct Element<'page> {
    page: &'page Page,
    selector: String,
    backend_node: u64,
}

impl<'page> Element<'page> {
    pub(crate) fn new(page: &'page Page, selector: &str, backend_node: u64) -> Element<'page> {
        Element { page, selector: selector.to_owned(), backend_node }
    }

    /// Scrolls the element into view and clicks the middle of it with the left button. In a frame of another site, where the
    /// place of the mouse is known a moment late, it is pressed by the keyboard.
    ///
    /// # Errors
    /// [`BrowserError::NotVisible`] when it takes no place on the page, and whatever stops a command.
    pub async fn click(&self) -> Result<(), BrowserError> {
        if self.page.is_framed {
            return self.enter().await;
        }
        let (x, y) = self.middle().await?;
        for (kind, buttons) in [("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event = json!({
                "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1,
            });
            self.page.call("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    /// Replaces what a text field holds by `text`, as if typed.
    ///
    /// # Errors
    /// Whatever stops a command, such as an element that cannot have the focus.
    pub async fn type_text(&self, text: &str) -> Result<(), BrowserError> {
        self.focus().await?;
        let select_all =
            json!({ "type": "rawKeyDown", "key": "a", "code": "KeyA", "commands": ["selectAll"] });
        self.page.call("Input.dispatchKeyEvent", select_all).await?;
        self.page
            .call("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": "a", "code": "KeyA" }))
            .await?;
        if text.is_empty() {
            return self.press("Delete", 46).await;
        }
        self.page.call("Input.insertText", json!({ "text": text })).await?;
        Ok(())
    }

    /// Chooses the option of a `select` that has this `value`, by the keyboard.
    ///
    /// # Errors
    /// [`BrowserError::NoSuchOption`] when no enabled option has that value, or when it was not taken.
    pub async fn select(&self, value: &str) -> Result<(), BrowserError> {
        let refused =
            || BrowserError::NoSuchOption { selector: self.selector.clone(), value: value.to_owned() };
        let options = enabled_options(&self.describe().await?);
        let (steps, label) = options
            .iter()
            .position(|option| option.value == value)
            .map(|index| (index, options[index].label.clone()))
            .ok_or_else(refused)?;
        self.focus().await?;
        self.press("Home", 36).await?;
        // A stylesheet may hide options, and the keyboard passes over those: it takes no more steps than there are options.
        for _ in 0..steps {
            if self.value().await? == label {
                return Ok(());
            }
            self.press("ArrowDown", 40).await?;
        }
        if self.value().await? == label { Ok(()) } else { Err(refused()) }
    }

    /// The text a reader finds in the element: blanks joined, blocks apart by a space, scripts and styles
    /// left out.
    ///
    /// # Errors
    /// Whatever stops a command.
    pub async fn text(&self) -> Result<String, BrowserError> {
        let mut text = String::new();
        gather_text(&self.describe().await?, &mut text);
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// The value of a field as it stands now, as assistive technology is told it: typed text, the label of
    /// the chosen option; empty where there is none.
    ///
    /// # Errors
    /// Whatever stops a command.
    pub async fn value(&self) -> Result<String, BrowserError> {
        let params = json!({ "backendNodeId": self.backend_node, "fetchRelatives": false });
        let answer = self.page.call("Accessibility.getPartialAXTree", params).await?;
        Ok(answer["nodes"][0]["value"]["value"].as_str().unwrap_or_default().to_owned())
    }

    /// The attributes as the document wrote them.
    ///
    /// # Errors
    /// Whatever stops a command.
    pub async fn attributes(&self) -> Result<HashMap<String, String>, BrowserError> {
        Ok(attributes(&self.describe().await?))
    }

    /// One attribute as the document wrote it, if it is there.
    ///
    /// # Errors
    /// Whatever stops a command.
    pub async fn attribute(&self, name: &str) -> Result<Option<String>, BrowserError> {
        Ok(self.attributes().await?.remove(name))
    }

    async fn focus(&self) -> Result<(), BrowserError> {
        self.page.call("DOM.focus", json!({ "backendNodeId": self.backend_node })).await?;
        Ok(())
    }

    /// Presses the link or the button by the keyboard.
    async fn enter(&self) -> Result<(), BrowserError> {
        self.focus().await?;
        for (kind, text) in [("keyDown", "\r"), ("keyUp", "")] {
            let event = json!({
                "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": text,
            });
            self.page.call("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    async fn press(&self, key: &str, code: u32) -> Result<(), BrowserError> {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.page.call("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    async fn middle(&self) -> Result<(f64, f64), BrowserError> {
        let node = json!({ "backendNodeId": self.backend_node });
        let not_visible = |error| match error {
            BrowserError::Refused { message, .. } => {
                BrowserError::NotVisible { selector: self.selector.clone(), reason: message }
            }
            other => other,
        };
        self.page.call("DOM.scrollIntoViewIfNeeded", node.clone()).await.map_err(not_visible)?;
        let answer = self.page.call("DOM.getContentQuads", node).await.map_err(not_visible)?;
        let corners: Vec<f64> =
            answer["quads"][0].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let [x1, y1, x2, y2, x3, y3, x4, y4] = corners[..] else {
            let reason = "it has no area".to_owned();
            return Err(BrowserError::NotVisible { selector: self.selector.clone(), reason });
        };
        Ok(((x1 + x2 + x3 + x4) / 4.0, (y1 + y2 + y3 + y4) / 4.0))
    }

    async fn describe(&self) -> Result<Value, BrowserError> {
        let params = json!({ "backendNodeId": self.backend_node, "depth": -1 });
        let mut answer = self.page.call("DOM.describeNode", params).await?;
        Ok(answer["node"].take())
    }
}

/// The kinds of node in Chromium's description that matter here.
const TEXT_NODE: u64 = 3;

/// Elements whose text flows with the text around them; all others stand apart by a space.
const INLINE: [&str; 19] = [
    "A", "ABBR", "B", "BDI", "CODE", "DATA", "EM", "I", "KBD", "MARK", "Q", "S", "SMALL", "SPAN", "STRONG",
    "SUB", "SUP", "TIME", "U",
];

/// Elements whose text is not for readers.
const SILENT: [&str; 4] = ["SCRIPT", "STYLE", "TEMPLATE", "HEAD"];

fn gather_text(node: &Value, text: &mut String) {
    if node["nodeType"].as_u64() == Some(TEXT_NODE) {
        text.push_str(node["nodeValue"].as_str().unwrap_or_default());
        return;
    }
    let name = node["nodeName"].as_str().unwrap_or_default();
    if SILENT.contains(&name) {
        return;
    }
    let stands_apart = !INLINE.contains(&name);
    if stands_apart {
        text.push(' ');
    }
    for child in node["children"].as_array().into_iter().flatten() {
        gather_text(child, text);
    }
    if stands_apart {
        text.push(' ');
    }
}

struct SelectOption {
    value: String,
    label: String,
}

/// The options that the keyboard can reach, in order.
fn enabled_options(node: &Value) -> Vec<SelectOption> {
    let mut options = Vec::new();
    for child in node["children"].as_array().into_iter().flatten() {
        let attributes = attributes(child);
        if attributes.contains_key("disabled") {
            continue;
        }
        if child["nodeName"].as_str() == Some("OPTION") {
            let mut text = String::new();
            gather_text(child, &mut text);
            let label = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let value = attributes.get("value").unwrap_or(&label).clone();
            options.push(SelectOption { value, label });
        } else {
            options.extend(enabled_options(child));
        }
    }
    options
}

fn attributes(node: &Value) -> HashMap<String, String> {
    let list = node["attributes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list.chunks_exact(2).map(|pair| (word(&pair[0]), word(&pair[1]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Value {
        json!({ "nodeType": TEXT_NODE, "nodeName": "#text", "nodeValue": text })
    }

    fn element(name: &str, attributes: &[&str], children: &[Value]) -> Value {
        json!({ "nodeType": 1, "nodeName": name, "attributes": attributes, "children": children })
    }

    #[test]
    fn the_text_of_cells_stands_apart_and_the_text_of_spans_does_not() {
        let cells =
            element("TR", &[], &[element("TD", &[], &[words("Total")]), element("TD", &[], &[words("5")])]);
        let spans = element("P", &[], &[words("$ "), element("SPAN", &[], &[words("1")]), words("00")]);
        let read = |node: &Value| {
            let mut text = String::new();
            gather_text(node, &mut text);
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read(&cells), "Total 5");
        assert_eq!(read(&spans), "$ 100");
    }

    #[test]
    fn scripts_have_no_text() {
        let mut text = String::new();
        gather_text(&element("DIV", &[], &[element("SCRIPT", &[], &[words("let a")])]), &mut text);
        assert_eq!(text.trim(), "");
    }

    #[test]
    fn disabled_options_and_groups_are_out_of_the_keyboards_reach() {
        let option = |value: &str, extra: &[&str]| {
            let mut attributes = vec!["value", value];
            attributes.extend_from_slice(extra);
            element("OPTION", &attributes, &[words(value)])
        };
        let select = element(
            "SELECT",
            &[],
            &[
                option("none", &["disabled", ""]),
                option("a", &[]),
                element("OPTGROUP", &["disabled", ""], &[option("b", &[])]),
                element("OPTGROUP", &[], &[option("c", &[])]),
            ],
        );
        let reached: Vec<_> = enabled_options(&select).into_iter().map(|option| option.value).collect();
        assert_eq!(reached, ["a", "c"]);
    }
}
