//! What can be set on a PostgreSQL store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use annals_core::Clock;
use annals_core::store::StoreError;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::connection::CONNECT_TIMEOUT;
use crate::statements::Schema;

/// How the connection is encrypted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    #[default]
    Disabled,
    /// Encrypted, the server's certificate and name checked.
    VerifyFull {
        /// The certificates of those who may sign the server's, a PEM file.
        root_certificate: PathBuf,
        /// The client's own certificate and key, PEM files.
        client: Option<(PathBuf, PathBuf)>,
    },
}

/// Settings of a [`PgStore`](crate::PgStore).
///
/// ```
/// use annals_store_pg::PgOptions;
///
/// let options = PgOptions::parse("postgres://bank@localhost/bank?schema=accounts&pool=8")?;
/// assert_eq!(options.place(), "postgres at localhost:5432/bank, schema accounts");
/// assert!(PgOptions::parse("postgres://localhost/bank?schema=a%3B+drop").is_err());
/// assert!(PgOptions::parse("postgres://localhost/bank?scheme=accounts").is_err());
/// # Ok::<(), annals_core::store::StoreError>(())
/// ```
#[derive(Clone)]
pub struct PgOptions {
    pub(crate) config: Config,
    pub(crate) schema: Schema,
    pub(crate) pool: usize,
    pub(crate) pool_timeout: Duration,
    pub(crate) queue: usize,
    pub(crate) queue_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) lock_timeout: Duration,
    pub(crate) connect_retry: Duration,
    pub(crate) tls: Tls,
    pub(crate) pooler: bool,
    pub(crate) listen: bool,
    pub(crate) migrate: bool,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

/// The longest name of a schema, in bytes: PostgreSQL's limit, less room for the channel's name.
const MAX_SCHEMA_BYTES: usize = 48;

/// The parameters of a URL that are this store's own.
const PARAMETERS: &str = "schema, pool, pool_timeout_ms, queue, queue_timeout_ms, \
     statement_timeout_ms, lock_timeout_ms, connect_retry_ms, \
     sslmode=disable|verify-full, sslrootcert, sslcert, sslkey, pooler=none|transaction, \
     listen=on|off, migrate=on|off";

/// The parameters that the client understands.
const PASSED_ON: [&str; 11] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "target_session_attrs",
    "tcp_user_timeout",
];

impl PgOptions {
    /// The defaults for a server that the client's own configuration describes.
    pub fn new(mut config: Config) -> Self {
        if config.get_application_name().is_none() {
            config.application_name("annals");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        Self {
            config,
            schema: Schema("annals".to_owned()),
            pool: 16,
            pool_timeout: Duration::from_secs(10),
            queue: 1_024,
            queue_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            connect_retry: Duration::from_secs(10),
            tls: Tls::default(),
            pooler: false,
            listen: true,
            migrate: true,
            clock: None,
        }
    }

    /// Reads `postgres://user:password@host:port,host:port/database?…`. Beside what libpq knows
    /// (`application_name`, `connect_timeout`, `target_session_attrs`, keepalives), a parameter can
    /// be any of this store's own, which the methods below explain.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] that names what is wrong.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        if !address.starts_with("postgres://") && !address.starts_with("postgresql://") {
            return Err(invalid("the URL does not begin with `postgres://`".to_owned()));
        }
        let (mut passed_on, mut own) = (Vec::new(), Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if PASSED_ON.contains(&name) { &mut passed_on } else { &mut own }
                .push((name, value, parameter));
        }
        let kept: Vec<&str> = passed_on.iter().map(|(_, _, whole)| *whole).collect();
        let config = Config::from_str(&format!("{address}?{}", kept.join("&")))
            // The client's message never holds the password.
            .map_err(|error| invalid(format!("the URL cannot be read: {error}")))?;
        let mut options = Self::new(config);
        let (mut root, mut certificate, mut key, mut verify) = (None, None, None, false);
        for (name, value, _) in own {
            let number = || {
                let number = value.parse::<u64>();
                number.map_err(|_| invalid(format!("`{name}` needs a number, not `{value}`")))
            };
            let milliseconds = || number().map(Duration::from_millis);
            match (name, value) {
                ("schema", _) => options = options.schema(value)?,
                ("pool", _) => options.pool = (number()? as usize).clamp(1, 1_000),
                ("pool_timeout_ms", _) => options.pool_timeout = milliseconds()?,
                ("queue", _) => options.queue = (number()? as usize).max(1),
                ("queue_timeout_ms", _) => options.queue_timeout = milliseconds()?,
                ("statement_timeout_ms", _) => options.statement_timeout = milliseconds()?,
                ("lock_timeout_ms", _) => options.lock_timeout = milliseconds()?,
                ("connect_retry_ms", _) => options.connect_retry = milliseconds()?,
                ("commit", _) => {
                    return Err(invalid(
                        "`commit` is gone: an append waits for the disk under the lock, which is \
                         as fast, and `commit=barrier` let others act on what a crash takes \
                         away; leave it out"
                            .to_owned(),
                    ));
                }
                ("sslmode", "disable") => verify = false,
                ("sslmode", "verify-full") => verify = true,
                ("sslmode", _) => {
                    return Err(invalid(format!(
                        "`sslmode={value}` would not know whom it talks to: write \
                         `sslmode=verify-full&sslrootcert=FILE`, or `disable`"
                    )));
                }
                ("sslrootcert", _) => root = Some(PathBuf::from(decode(value)?)),
                ("sslcert", _) => certificate = Some(PathBuf::from(decode(value)?)),
                ("sslkey", _) => key = Some(PathBuf::from(decode(value)?)),
                ("pooler", "none") => options.pooler = false,
                ("pooler", "transaction") => options = options.pooler(),
                ("listen", "on") => options.listen = true,
                ("listen", "off") => options.listen = false,
                ("migrate", "on") => options.migrate = true,
                ("migrate", "off") => options.migrate = false,
                _ => {
                    return Err(invalid(format!(
                        "there is no parameter `{name}={value}`: known are {PARAMETERS}; and {}",
                        PASSED_ON.join(", ")
                    )));
                }
            }
        }
        if verify {
            let Some(root_certificate) = root else {
                return Err(invalid("`sslmode=verify-full` needs `sslrootcert=FILE`".to_owned()));
            };
            let client = match (certificate, key) {
                (Some(certificate), Some(key)) => Some((certificate, key)),
                (None, None) => None,
                _ => return Err(invalid("`sslcert` and `sslkey` go together".to_owned())),
            };
            options.tls = Tls::VerifyFull { root_certificate, client };
        }
        Ok(options)
    }

    /// The schema that holds the store's tables; it is made if it does not exist. Several stores
    /// can share a database, each in its own. Default `annals`.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name that is not plain: a-z, 0-9 and `_`, at most 48 bytes.
    pub fn schema(mut self, name: &str) -> Result<Self, StoreError> {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
        if !plain || !begins || name.len() > MAX_SCHEMA_BYTES || name.starts_with("pg_") {
            return Err(invalid(format!(
                "`{name}` is no name for a schema: it is made of a-z, 0-9 and _, begins with a \
                 letter, has at most {MAX_SCHEMA_BYTES} bytes and does not begin with `pg_`"
            )));
        }
        self.schema = Schema(name.to_owned());
        Ok(self)
    }

    /// How many connections read and run transactions, beside one that appends and one that
    /// listens. Default 16.
    #[must_use]
    pub fn pool(mut self, connections: usize) -> Self {
        self.pool = connections.max(1);
        self
    }

    /// How long to wait for a free connection of the pool. Default 10 s.
    #[must_use]
    pub fn pool_timeout(mut self, timeout: Duration) -> Self {
        self.pool_timeout = timeout;
        self
    }

    /// How many appends wait at the most before new ones wait to be let in. Default 1,024.
    #[must_use]
    pub fn queue(mut self, appends: usize) -> Self {
        self.queue = appends.max(1);
        self
    }

    /// How long an append waits to be let in before it fails with [`StoreError::Overloaded`].
    /// Default 30 s.
    #[must_use]
    pub fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.queue_timeout = timeout;
        self
    }

    /// How long one statement may take on the server. Default 30 s.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How long appends wait for another transaction that has the log locked. Default 10 s.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How long connecting is tried again, with growing pauses: at the start, and before an append
    /// whose connection broke is reported as unknown. Default 10 s.
    #[must_use]
    pub fn connect_retry(mut self, at_most: Duration) -> Self {
        self.connect_retry = at_most;
        self
    }

    /// How connections are encrypted. Default [`Tls::Disabled`].
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Works behind a pooler in transaction mode, such as PgBouncer: no prepared statements, no
    /// settings of the session, no listening (subscriptions poll). Timeouts are then the server's.
    #[must_use]
    pub fn pooler(mut self) -> Self {
        self.pooler = true;
        self.listen = false;
        self
    }

    /// Whether a connection listens for what other processes append. Without it, subscriptions
    /// notice when they poll. Default yes.
    #[must_use]
    pub fn listen(mut self, listen: bool) -> Self {
        self.listen = listen;
        self
    }

    /// Whether opening brings the schema to the newest version. Without it the schema must be there
    /// already: for roles that may not make tables. Default yes.
    #[must_use]
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Where times come from. Default the server's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The server, the database and the schema, for messages.
    pub fn place(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(number, host)| {
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        });
        let hosts: Vec<String> = hosts.collect();
        let user = self.config.get_user().unwrap_or_default();
        let database = self.config.get_dbname().unwrap_or(user);
        format!("postgres at {}/{database}, schema {}", hosts.join(","), self.schema.0)
    }
}

fn invalid(why: String) -> StoreError {
    StoreError::Invalid { why }
}

/// Resolves `%2F` and its like.
fn decode(value: &str) -> Result<String, StoreError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| {
            digit
                .and_then(|digit| char::from(digit).to_digit(16))
                .and_then(|d| u8::try_from(d).ok())
        });
        match digits {
            [Some(high), Some(low)] => bytes.push(high * 16 + low),
            _ => return Err(invalid(format!("`{value}` has a `%` without two digits"))),
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid(format!("`{value}` is not UTF-8")))
}

impl fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgOptions")
            .field("place", &self.place())
            .field("pool", &self.pool)
            .field("queue", &self.queue)
            .field("tls", &self.tls)
            .field("pooler", &self.pooler)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
