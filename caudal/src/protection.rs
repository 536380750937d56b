//! What a process that holds keys denies to everybody else on the machine.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use crate::failure::Failure;

/// Makes sure that no core dump of this process is ever written: it would hold the master key. The limit alone does not
/// stop a kernel that pipes dumps into a program, so the process is marked as well; other processes of the same user
/// can then not read its memory either.
///
/// # Errors
/// [`Failure::Environment`] when the kernel refuses.
pub fn forbid_core_dumps() -> Result<(), Failure> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let forbidden =
        setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    forbidden.map_err(|error| {
        Failure::environment(format!(
            "core dumps cannot be switched off ({error}): allow setrlimit and prctl"
        ))
    })
}
