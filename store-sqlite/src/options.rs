//! What can be set on a SQLite store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use annals_core::store::StoreError;
use annals_core::{Clock, SystemClock};

/// The longest that SQLite can wait for a lock: it counts milliseconds in 32 bits.
const MAX_BUSY_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

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
    pub(crate) work_timeout: Duration,
    pub(crate) migration_timeout: Duration,
    pub(crate) migrate: bool,
    pub(crate) wal_bytes: u64,
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
            work_timeout: Duration::from_secs(30),
            migration_timeout: Duration::from_secs(600),
            migrate: true,
            wal_bytes: 64 << 20,
            max_bytes: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Reads `sqlite://path`, with `synchronous=full|normal`, `readers=N`, `busy_timeout_ms=N`,
    /// `work_timeout_ms=N`, `wal_bytes=N`, `max_bytes=N` and `migrate=on|off` after a `?`. `%20` in the path is a space,
    /// `%3F` a question mark, and so on.
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
        if path == ":memory:" {
            return Err(invalid(
                "`sqlite://:memory:` would be a database for each connection: write `memory:` for \
                 a store in memory"
                    .to_owned(),
            ));
        }
        let mut options = Self::new(decode_path(path).map_err(invalid)?);
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
                ("readers", _) => options.readers(usize::try_from(number()?).unwrap_or(usize::MAX)),
                ("busy_timeout_ms", _) => options.busy_timeout(Duration::from_millis(number()?)),
                ("work_timeout_ms", _) => options.work_timeout(Duration::from_millis(number()?)),
                ("wal_bytes", _) => options.wal_bytes(number()?),
                ("max_bytes", _) => options.max_bytes(number()?),
                ("migrate", "on") => options.migrate(true),
                ("migrate", "off") => options.migrate(false),
                _ => {
                    return Err(invalid(format!(
                        "there is no parameter `{name}`: known are synchronous, readers, \
                         busy_timeout_ms, work_timeout_ms, wal_bytes, max_bytes and migrate=on|off"
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

    /// How long to wait for another process that is writing, at most 24 days. Default 5 s.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(MAX_BUSY_TIMEOUT);
        self
    }

    /// How long the work of a transaction, a handler or a hook may wait for anything but its
    /// transaction, such as a timer or a socket: all writes of the store wait for it. Then it is rolled
    /// back and fails with [`StoreError::TookTooLong`]. Default 30 s.
    #[must_use]
    pub fn work_timeout(mut self, timeout: Duration) -> Self {
        self.work_timeout = timeout;
        self
    }

    /// How long to wait for another process that is bringing the file to a newer schema, at most 24
    /// days. Default 10 min.
    #[must_use]
    pub fn migration_timeout(mut self, timeout: Duration) -> Self {
        self.migration_timeout = timeout.min(MAX_BUSY_TIMEOUT);
        self
    }

    /// Whether opening makes the file and brings it to the newest schema. Without it both must be there
    /// already. Default yes.
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// How long the write-ahead log beside the file may grow, in bytes, before the writer holds new
    /// reads back for up to 100 ms to begin it anew. Default 64 MiB.
    #[must_use]
    pub fn wal_bytes(mut self, bytes: u64) -> Self {
        self.wal_bytes = bytes.min(i64::MAX as u64);
        self
    }

    /// How many writes wait at the most before new ones wait to be let in, 1 to 1,000,000. Default
    /// 1,024.
    #[must_use]
    pub fn queue(mut self, writes: usize) -> Self {
        self.queue = writes.clamp(1, 1_000_000);
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
    pub fn place(&self) -> String {
        self.path.display().to_string()
    }
}

/// A path as it stands in a URL, with `%20` and the like for characters that mean something there.
fn decode_path(path: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut pieces = path.split('%');
    bytes.extend(pieces.next().unwrap_or_default().bytes());
    for piece in pieces {
        let digits = piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let digits = digits.filter(|_| !piece.starts_with('+'));
        let byte = digits.ok_or_else(|| {
            format!("`%` in `{path}` is not followed by two digits: write `%25` for `%` itself")
        })?;
        bytes.push(byte);
        bytes.extend(piece.bytes().skip(2));
    }
    let decoded = String::from_utf8(bytes).map_err(|_| format!("`{path}` is not UTF-8"))?;
    match decoded.contains('\0') {
        true => Err(format!("`{path}` has U+0000 in it, which no file name has")),
        false => Ok(decoded),
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
            .field("work_timeout", &self.work_timeout)
            .field("migration_timeout", &self.migration_timeout)
            .field("migrate", &self.migrate)
            .field("wal_bytes", &self.wal_bytes)
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
