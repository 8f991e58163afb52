//! What can be set on a SQLite store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::StoreError;
use annals_core::{Clock, SystemClock};

/// When a commit is acknowledged.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// When it is on the disk: survives a power cut.
    #[default]
    Full,
    /// When the operating system has it: survives a crash of the process; a power cut may take the
    /// last commits, never their order. Much faster.
    Normal,
}

/// Settings of a [`SqliteStore`](crate::SqliteStore).
///
/// ```
/// use annals_store_sqlite::{SqliteOptions, Synchronous};
///
/// let options = SqliteOptions::new("bank.db").synchronous(Synchronous::Normal);
/// assert_eq!(options, SqliteOptions::parse("sqlite://bank.db?synchronous=normal")?);
/// assert!(SqliteOptions::parse("sqlite://bank.db?sinchronous=normal").is_err());
/// # Ok::<(), annals_core::store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct SqliteOptions {
    pub(crate) path: PathBuf,
    pub(crate) synchronous: Synchronous,
    pub(crate) readers: usize,
    pub(crate) busy_timeout: Duration,
    pub(crate) queue: usize,
    pub(crate) in_place: Duration,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl SqliteOptions {
    /// The defaults for a file; it is made if it does not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            synchronous: Synchronous::Full,
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            queue: 1_024,
            in_place: Duration::from_millis(1),
            max_bytes: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Reads `sqlite://path`, with `synchronous=full|normal`, `readers=N`, `busy_timeout_ms=N` and
    /// `max_bytes=N` after a `?`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] that names what is wrong.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let invalid = |why: String| StoreError::Invalid { why };
        let rest = url
            .strip_prefix("sqlite://")
            .ok_or_else(|| invalid(format!("`{url}` does not begin with `sqlite://`")))?;
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        if path.is_empty() {
            return Err(invalid(format!("`{url}` names no file")));
        }
        let mut options = Self::new(path);
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let number = || {
                let number = value.parse::<u64>();
                number.map_err(|_| invalid(format!("`{name}` needs a number, not `{value}`")))
            };
            options = match (name, value) {
                ("synchronous", "full") => options.synchronous(Synchronous::Full),
                ("synchronous", "normal") => options.synchronous(Synchronous::Normal),
                ("synchronous", _) => {
                    return Err(invalid(format!("`synchronous` is full or normal, not `{value}`")));
                }
                ("readers", _) => options.readers(number()? as usize),
                ("busy_timeout_ms", _) => options.busy_timeout(Duration::from_millis(number()?)),
                ("max_bytes", _) => options.max_bytes(number()?),
                _ => {
                    return Err(invalid(format!(
                        "there is no parameter `{name}`: known are synchronous, readers, \
                         busy_timeout_ms and max_bytes"
                    )));
                }
            };
        }
        Ok(options)
    }

    /// When a commit is acknowledged. Default [`Synchronous::Full`].
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How many connections read beside the writer, 1 to 64. Default 4.
    #[must_use]
    pub fn readers(mut self, readers: usize) -> Self {
        self.readers = readers.clamp(1, 64);
        self
    }

    /// How long to wait for another process that is writing. Default 5 s.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How many writes wait at the most before new ones wait to be let in. Default 1,024.
    #[must_use]
    pub fn queue(mut self, writes: usize) -> Self {
        self.queue = writes.max(1);
        self
    }

    /// An append that no other write is beside is committed on the thread of its caller, as long as
    /// commits have been taking less than this: changing to the writer's thread and back would
    /// take as long again. Zero leaves every commit to the writer's thread. Default 1 ms.
    #[must_use]
    pub fn in_place(mut self, limit: Duration) -> Self {
        self.in_place = limit;
        self
    }

    /// How large the database file may grow; beyond it writes fail with [`StoreError::Full`] and
    /// change nothing. Default: as large as the disk allows.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Where times come from. Default the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The file, for messages.
    pub(crate) fn place(&self) -> String {
        self.path.display().to_string()
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("path", &self.path)
            .field("synchronous", &self.synchronous)
            .field("readers", &self.readers)
            .field("busy_timeout", &self.busy_timeout)
            .field("queue", &self.queue)
            .field("in_place", &self.in_place)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

impl PartialEq for SqliteOptions {
    /// Compares everything but the clock.
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}
