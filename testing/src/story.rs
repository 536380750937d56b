//! A running story and what it notes.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use crate::DatabaseKind;
use crate::evidence::{self, BrowserUse, Entry, Outcome, Side, VectorUse};

thread_local! {
    static RUNNING: RefCell<Vec<Witness>> = const { RefCell::new(Vec::new()) };
}

/// Begins a story on this thread. When the returned value is dropped, and no panic is under way, the story
/// has passed and its evidence is written.
///
/// Hold it in a variable to the end of the test: `let _story = testing::story("…");`. A test that holds one
/// must return nothing, since an `Err` does not look like a failure from inside.
#[must_use = "the story ends where this value is dropped"]
pub fn story(name: &str) -> Story {
    Story::begin(name, None)
}

/// The witness of the story that is running on this thread, to be handed to spawned tasks and threads.
///
/// # Panics
/// When no story is running on this thread: what is noted outside a story would be lost.
pub fn witness() -> Witness {
    let innermost = RUNNING.with_borrow(|running| running.last().cloned());
    innermost.expect("no story is running on this thread: begin one by testing::story or both_databases!")
}

/// Notes that the running story used a row of a `vectors.tsv` from this side.
///
/// # Panics
/// When no story is running on this thread.
pub fn vector_used(row: &str, side: Side) {
    witness().vector_used(row, side);
}

/// A story under way on this thread.
pub struct Story {
    witness: Witness,
    folder: PathBuf,
    /// The story is known by its thread, so it must end on the one where it began.
    stays_on_its_thread: PhantomData<Rc<()>>,
}

/// Takes notes for a story, from any thread.
#[derive(Clone)]
pub struct Witness {
    notes: Arc<Mutex<Entry>>,
}

impl Story {
    pub(crate) fn begin(name: &str, database: Option<DatabaseKind>) -> Story {
        Story::begin_in(evidence::directory(), name, database)
    }

    fn begin_in(folder: PathBuf, name: &str, database: Option<DatabaseKind>) -> Story {
        let entry = Entry::new(name, database, Outcome::Passed);
        let witness = Witness { notes: Arc::new(Mutex::new(entry)) };
        RUNNING.with_borrow_mut(|running| running.push(witness.clone()));
        Story { witness, folder, stays_on_its_thread: PhantomData }
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|running| {
            running.retain(|other| !Arc::ptr_eq(&other.notes, &self.witness.notes))
        });
        if std::thread::panicking() {
            return;
        }
        let written = self.witness.with(|notes| evidence::append(&self.folder, notes));
        written.expect("the evidence of a story can be written");
    }
}

impl Witness {
    /// Notes that the story shows a requirement of the catalogue, such as `AV-4-04`.
    ///
    /// # Panics
    /// When the id has not the shape of one.
    pub fn covers(&self, requirement: &str) {
        let parts: Vec<&str> = requirement.split('-').collect();
        assert!(
            parts.len() >= 2 && parts.iter().all(|part| !part.is_empty()),
            "{requirement:?} is no requirement"
        );
        self.with(|notes| notes.covers.insert(requirement.to_owned()));
    }

    /// Notes that the story used a row of a `vectors.tsv` from this side.
    pub fn vector_used(&self, row: &str, side: Side) {
        self.with(|notes| notes.vectors.insert(VectorUse { row: row.to_owned(), side }));
    }

    pub(crate) fn browser_used(&self, browser: BrowserUse) {
        self.with(|notes| notes.browsers.push(browser));
    }

    fn with<T>(&self, note: impl FnOnce(&mut Entry) -> T) -> T {
        note(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells a story with evidence in a folder of its own, on a thread of its own; returns what it left.
    fn tell(story: impl FnOnce() + Send + 'static) -> (std::thread::Result<()>, Vec<Entry>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        let told = std::thread::spawn(move || {
            let _story = Story::begin_in(path, "a_story", None);
            story();
        });
        (told.join(), evidence::read(folder.path()).expect("evidence"))
    }

    #[test]
    fn a_story_that_passes_leaves_its_notes_also_those_of_other_threads() {
        let (outcome, entries) = tell(|| {
            crate::covers!("XX-1", "XX-2-03");
            let elsewhere = witness();
            let noting = std::thread::spawn(move || elsewhere.vector_used("row-1", Side::Client));
            noting.join().expect("no panic");
        });
        assert!(outcome.is_ok());
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].covers, ["XX-1".to_owned(), "XX-2-03".to_owned()].into());
        assert_eq!(entries[0].vectors, [VectorUse { row: "row-1".to_owned(), side: Side::Client }].into());
    }

    #[test]
    fn a_story_that_fails_leaves_nothing() {
        let (outcome, entries) = tell(|| {
            crate::covers!("XX-1");
            panic!("this is the failure");
        });
        assert!(outcome.is_err());
        assert_eq!(entries, []);
    }

    #[test]
    fn a_story_ends_where_it_is_dropped() {
        let (outcome, entries) = tell(|| {
            let inner = tempfile::tempdir().expect("a folder");
            drop(Story::begin_in(inner.path().to_owned(), "an_inner_story", None));
            crate::covers!("XX-1");
        });
        assert!(outcome.is_ok());
        assert_eq!(entries[0].covers, ["XX-1".to_owned()].into());
    }

    #[test]
    fn covering_outside_a_story_is_refused() {
        assert!(std::thread::spawn(|| crate::covers!("XX-1")).join().is_err());
    }

    #[test]
    fn an_id_of_another_shape_is_refused() {
        assert!(tell(|| crate::covers!("AV-")).0.is_err());
        assert!(tell(|| crate::covers!("AV4")).0.is_err());
    }
}
