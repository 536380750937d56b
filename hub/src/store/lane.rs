//! Connections that are kept for writing, and the transactions on them.
//!
//! A pool asks a connection whether it still lives whenever it is taken or given back, and hands out any that is free:
//! each then has to prepare every statement for itself. Who writes all the time keeps one instead.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, Database, Pool};
use sqlx_core::sql_str::SqlSafeStr;
use sqlx_core::transaction::TransactionManager;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};

/// How long a caller waits for its turn before it is told that the hub is busy.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);
/// For so long after it was used a connection is believed to live.
const SURELY_ALIVE: Duration = Duration::from_millis(500);

/// A place for one writer at a time. Cloning gives another handle to the same place.
pub struct Lane<DB: Database> {
    /// Where its connection comes from, and comes from again when it broke.
    pool: Pool<DB>,
    /// None: every transaction takes a connection from the pool.
    kept: Option<Arc<Kept<DB>>>,
}

/// The connection of a lane.
struct Kept<DB: Database> {
    connection: Arc<Mutex<Option<DB::Connection>>>,
    /// Something on it did not come to its end: it may be broken.
    is_doubtful: AtomicBool,
    /// When it was last asked for.
    taken_at: std::sync::Mutex<Option<Instant>>,
}

/// A transaction. Dropped without [`Open::commit`], it is rolled back.
pub struct Open<DB: Database> {
    connection: Held<DB>,
    is_open: bool,
}

/// A connection as long as it is held.
pub enum Held<DB: Database> {
    /// The pool gets it back.
    Pooled(PoolConnection<DB>),
    /// The next in the lane gets it.
    Own(OwnedMappedMutexGuard<Option<DB::Connection>, DB::Connection>, Lane<DB>),
}

/// A connection of a pool. What waits for one is large, and would lie in the state of everything that ever waits for one.
///
/// # Errors
/// What the pool says.
pub async fn acquire<DB: Database>(pool: &Pool<DB>) -> Result<PoolConnection<DB>, sqlx::Error> {
    Box::pin(pool.acquire()).await
}

impl<DB: Database> Clone for Lane<DB> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), kept: self.kept.clone() }
    }
}

impl<DB: Database> Lane<DB> {
    /// A lane with a connection of its own, which is made when it is first asked for: by whoever asks, whose thread then
    /// hears what the database answers.
    pub fn kept(pool: Pool<DB>) -> Self {
        let kept = Kept {
            connection: Arc::default(),
            is_doubtful: AtomicBool::default(),
            taken_at: std::sync::Mutex::default(),
        };
        Self { pool, kept: Some(Arc::new(kept)) }
    }

    /// A lane that shares the connections of a pool with others.
    pub const fn shared(pool: Pool<DB>) -> Self {
        Self { pool, kept: None }
    }

    /// Its connection, once it is free.
    ///
    /// # Errors
    /// [`sqlx::Error::PoolTimedOut`] when others have it for too long; what connecting meets.
    pub async fn connection(&self) -> Result<Held<DB>, sqlx::Error> {
        Ok(self.take().await?.0)
    }

    /// Its connection, once it is free, for what is not to be done twice: one that nobody has used for a moment is asked first
    /// whether it still lives.
    ///
    /// # Errors
    /// Those of [`Lane::connection`].
    pub async fn fresh_connection(&self) -> Result<Held<DB>, sqlx::Error> {
        if let Some(Kept { is_doubtful, taken_at, .. }) = self.kept.as_deref() {
            let taken_at = *taken_at.lock().unwrap_or_else(PoisonError::into_inner);
            if taken_at.is_none_or(|taken_at| taken_at.elapsed() > SURELY_ALIVE) {
                is_doubtful.store(true, Ordering::Relaxed);
            }
        }
        self.connection().await
    }

    /// The connection, and whether it is a new one.
    async fn take(&self) -> Result<(Held<DB>, bool), sqlx::Error> {
        let Some(Kept { connection, is_doubtful, taken_at }) = self.kept.as_deref() else {
            return Ok((Held::Pooled(acquire(&self.pool).await?), true));
        };
        let turn = tokio::time::timeout(TURN_TIMEOUT, Arc::clone(connection).lock_owned()).await;
        let mut kept = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
        *taken_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if is_doubtful.swap(false, Ordering::Relaxed)
            && let Some(connection) = kept.as_mut()
            && connection.ping().await.is_err()
        {
            *kept = None;
        }
        let is_new = kept.is_none();
        if is_new {
            *kept = Some(acquire(&self.pool).await?.detach());
        }
        let held = OwnedMutexGuard::try_map(kept, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)?;
        Ok((Held::Own(held, self.clone()), is_new))
    }

    /// Begins a transaction. One that finds the connection broken, as it may have while nobody used it, begins anew on
    /// another.
    ///
    /// # Errors
    /// Those of [`Lane::connection`], and what the database says.
    pub async fn begin(&self, statement: &'static str) -> Result<Open<DB>, sqlx::Error> {
        let (connection, is_new) = self.take().await?;
        match Open::begin(connection, statement).await {
            Err(error) if !is_new => {
                let (connection, is_new) = self.take().await?;
                if is_new { Open::begin(connection, statement).await } else { Err(error) }
            }
            begun => begun,
        }
    }

    /// Something was left under way: what rolls it back is on its way at the latest when somebody asks whether the
    /// connection still lives. Nobody else may come for long, and it may hold locks.
    fn doubt(&self) {
        let Some(Kept { is_doubtful, .. }) = self.kept.as_deref() else { return };
        is_doubtful.store(true, Ordering::Relaxed);
        let lane = self.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { lane.take().await.map(drop) });
        }
    }

    /// Closes what is kept, and the pool behind it; what is under way ends first.
    pub async fn close(&self) {
        self.pool.close().await;
        if let Some(Kept { connection, .. }) = self.kept.as_deref()
            && let Some(connection) = connection.lock().await.take()
        {
            // It is gone either way.
            let _ = connection.close().await;
        }
    }
}

impl<DB: Database> Open<DB> {
    /// Begins a transaction on a connection of a pool.
    ///
    /// # Errors
    /// What the pool and the database say.
    pub async fn pooled(pool: &Pool<DB>, statement: &'static str) -> Result<Self, sqlx::Error> {
        Self::begin(Held::Pooled(acquire(pool).await?), statement).await
    }

    async fn begin(connection: Held<DB>, statement: &'static str) -> Result<Self, sqlx::Error> {
        // Open from the beginning: one that is dropped while it begins is rolled back too.
        let mut open = Self { connection, is_open: true };
        DB::TransactionManager::begin(&mut open, Some(statement.into_sql_str())).await?;
        Ok(open)
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// What the database says: then nothing is, or it is not known.
    pub async fn commit(mut self) -> Result<(), sqlx::Error> {
        DB::TransactionManager::commit(&mut self).await?;
        self.is_open = false;
        Ok(())
    }
}

impl<DB: Database> Held<DB> {
    /// What was asked for on it did not come to its end: whoever has it next asks whether it still lives.
    pub fn doubt(&self) {
        if let Self::Own(_, lane) = self {
            lane.doubt();
        }
    }
}

impl<DB: Database> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Own(connection, _) => connection,
        }
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Own(connection, _) => connection,
        }
    }
}

impl<DB: Database> Deref for Open<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Open<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }
}

impl<DB: Database> Drop for Open<DB> {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        DB::TransactionManager::start_rollback(&mut self.connection);
        self.connection.doubt();
    }
}
