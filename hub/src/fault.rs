//! Planted faults: each breaks one promise, so that a test shows it would notice. Never in the product:
//! the feature is switched on by tests alone.

/// The variable that names the fault that is awake.
pub const VARIABLE: &str = "CAUDAL_FAULT";

/// Whether the named fault is awake. Always false in the product.
pub fn is_awake(name: &str) -> bool {
    cfg!(feature = "faults") && std::env::var(VARIABLE).is_ok_and(|awake| awake == name)
}

/// Whether the named fault of faults.toml is awake. The name is a literal, so that a search finds its place.
macro_rules! fault {
    ($name:literal) => {
        $crate::fault::is_awake($name)
    };
}
pub(crate) use fault;
