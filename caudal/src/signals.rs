//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// A token that is cancelled by the first SIGINT or SIGTERM. A second one ends the process at once.
///
/// # Errors
/// [`Failure::Environment`] when the machine lets no signal be listened to.
#[expect(clippy::disallowed_methods, reason = "whoever asks twice does not want to wait for a tidy end")]
pub fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::environment(format!("signals cannot be listened to: {error}")))
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    let token = CancellationToken::new();
    let told = token.clone();
    tokio::spawn(async move {
        for turn in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if turn > 0 {
                std::process::exit(130);
            }
            told.cancel();
        }
    });
    Ok(token)
}
