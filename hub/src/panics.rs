//! What is told of a panic: where it happened, and the reason only where the program's own text is all of it.

use std::panic::PanicHookInfo;

/// Takes the place of the usual hook, which would write the whole message to standard error. A message that was put
/// together at run time may hold what was being worked on, a notice's body or a secret; a literal cannot.
pub fn tell_places_only() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, reason = told_reason(panic), "a part of the program panicked");
    }));
}

fn told_reason(panic: &PanicHookInfo<'_>) -> &'static str {
    if let Some(literal) = panic.payload().downcast_ref::<&'static str>() {
        return literal;
    }
    "not told: it may hold data"
}
