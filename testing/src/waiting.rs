//! Waiting for what happens in another task or process, with an end.

use std::panic::Location;
use std::time::Duration;

/// The first pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Asks again and again until the answer is something, and returns it.
///
/// ```no_run
/// # async fn story(payment: impl AsyncFn() -> String) {
/// use std::time::Duration;
/// let status = testing::until(Duration::from_secs(10), async || {
///     let status = payment().await;
///     (status != "pending").then_some(status)
/// }).await;
/// # }
/// ```
///
/// # Panics
/// When the time is over, naming the line that waited. The last look is taken after the time is over, so a
/// machine under load does not fail a wait that has come true.
#[track_caller]
pub fn until<T>(limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    let waiter = Location::caller();
    async move {
        let deadline = tokio::time::Instant::now() + limit;
        let mut pause = FIRST_PAUSE;
        loop {
            let last_look = tokio::time::Instant::now() >= deadline;
            if let Some(found) = look().await {
                return found;
            }
            assert!(!last_look, "{waiter} waited {limit:?} in vain");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_with_the_first_answer() {
        let mut looks = 0;
        let found = until(Duration::from_secs(5), async || {
            looks += 1;
            (looks == 3).then_some("there")
        })
        .await;
        assert_eq!((found, looks), ("there", 3));
    }

    #[tokio::test]
    #[should_panic(expected = "waiting.rs")]
    async fn waiting_in_vain_names_the_line_that_waited() {
        until(Duration::from_millis(20), async || None::<()>).await;
    }
}
