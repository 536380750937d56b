//! The pipe to Chromium: commands out, answers and events in.
//!
//! DevTools over a pipe rather than a port: nobody else on the machine can connect, there is no port to
//! find, and Chromium ends by itself when this process dies in whatever way, since the pipe closes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};

use crate::BrowserError;
use crate::recorder::Recorder;

/// Commands that may wait to be written.
const OUTGOING_LIMIT: usize = 64;
/// How much of Chromium's standard error is kept to explain its end, in bytes.
const LAST_WORDS_LIMIT: usize = 4096;

/// One browser's pipe, shared by its pages.
pub(crate) struct Connection {
    outgoing: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
    next_id: AtomicU64,
    command_timeout: Duration,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    last_words: Mutex<Vec<u8>>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, oneshot::Sender<Result<Value, String>>>,
    recorders: HashMap<String, Arc<Recorder>>,
    gone: bool,
}

impl Connection {
    /// Takes over the three pipes of a running Chromium.
    pub(crate) fn new(
        input: ChildStdin,
        output: ChildStdout,
        errors: ChildStderr,
        command_timeout: Duration,
    ) -> Connection {
        let shared = Arc::new(Shared::default());
        let (outgoing, commands) = mpsc::channel(OUTGOING_LIMIT);
        tokio::spawn(write_commands(input, commands));
        tokio::spawn(read_messages(output, Arc::clone(&shared)));
        tokio::spawn(keep_last_words(errors, Arc::clone(&shared)));
        Connection { outgoing, shared, next_id: AtomicU64::new(1), command_timeout }
    }

    /// Sends one command, to the browser itself or to a page's session, and waits for its result.
    pub(crate) async fn call(
        &self,
        session: Option<&str>,
        command: &'static str,
        params: Value,
    ) -> Result<Value, BrowserError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": command, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut frame = message.to_string().into_bytes();
        frame.push(0);

        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.shared.state();
            if state.gone {
                return Err(self.gone());
            }
            state.waiting.insert(id, answer);
        }
        let limit = self.command_timeout;
        let exchange = async {
            self.outgoing.send(frame).await.map_err(|_| self.gone())?;
            match answered.await {
                Ok(Ok(result)) => Ok(result),
                Ok(Err(message)) => Err(BrowserError::Refused { command, message }),
                Err(_) => Err(self.gone()),
            }
        };
        let outcome = tokio::time::timeout(limit, exchange).await;
        self.shared.state().waiting.remove(&id);
        outcome.unwrap_or(Err(BrowserError::NoAnswer { command, limit }))
    }

    /// Sends the events of a session to a recorder from now on.
    pub(crate) fn record(&self, session: &str, recorder: Arc<Recorder>) {
        self.shared.state().recorders.insert(session.to_owned(), recorder);
    }

    /// Stops recording a session.
    pub(crate) fn forget(&self, session: &str) {
        self.shared.state().recorders.remove(session);
    }

    fn gone(&self) -> BrowserError {
        let words = self.shared.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        BrowserError::Gone { last_words: String::from_utf8_lossy(&words).trim().to_owned() }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, message: &Value) {
        if let Some(id) = message["id"].as_u64() {
            let waiting = self.state().waiting.remove(&id);
            if let Some(waiting) = waiting {
                let result = match message.get("error") {
                    Some(error) => Err(error["message"].as_str().unwrap_or("no reason given").to_owned()),
                    None => Ok(message["result"].clone()),
                };
                // A caller that ran out of patience has dropped its end: its answer is of no use to anybody.
                let _ = waiting.send(result);
            }
            return;
        }
        let (Some(session), Some(method)) = (message["sessionId"].as_str(), message["method"].as_str())
        else {
            return;
        };
        let recorder = self.state().recorders.get(session).cloned();
        if let Some(recorder) = recorder {
            recorder.take_in(method, &message["params"]);
        }
    }
}

async fn write_commands(mut input: ChildStdin, mut commands: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = commands.recv().await {
        if input.write_all(&frame).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
}

async fn read_messages(output: ChildStdout, shared: Arc<Shared>) {
    let mut output = BufReader::new(output);
    let mut frame = Vec::new();
    loop {
        frame.clear();
        match output.read_until(0, &mut frame).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if frame.last() == Some(&0) {
            frame.pop();
        }
        if let Ok(message) = serde_json::from_slice(&frame) {
            shared.take_in(&message);
        }
    }
    let mut state = shared.state();
    state.gone = true;
    // Dropping the senders wakes every caller with the news.
    state.waiting.clear();
}

async fn keep_last_words(mut errors: ChildStderr, shared: Arc<Shared>) {
    let mut chunk = [0_u8; 1024];
    while let Ok(length) = errors.read(&mut chunk).await {
        if length == 0 {
            return;
        }
        let mut words = shared.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend_from_slice(&chunk[..length]);
        let surplus = words.len().saturating_sub(LAST_WORDS_LIMIT);
        words.drain(..surplus);
    }
}
