//! What can be set on a PostgreSQL store.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
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
        /// Who may sign the server's certificate.
        roots: Roots,
        /// The client's own certificate and key, PEM files.
        client: Option<(PathBuf, PathBuf)>,
    },
}

/// Who may sign a server's certificate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Whom the operating system trusts.
    #[default]
    System,
    /// Those whose certificates stand in a PEM file.
    File(PathBuf),
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
    pub(crate) frozen_after: Duration,
    pub(crate) connect_retry: Duration,
    /// `None` when nobody has said anything about it.
    pub(crate) tls: Option<Tls>,
    pub(crate) pooler: bool,
    pub(crate) listen: bool,
    pub(crate) migrate: bool,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

/// How many appends may wait at the most, whatever is asked for.
const MAX_QUEUE: usize = 1_000_000;

/// How many connections a pool has at the most, whatever is asked for.
const MAX_POOL: usize = 1_000;

/// The longest time that PostgreSQL takes for a limit, about 24 days.
pub(crate) const MAX_TIME: Duration = Duration::from_millis(i32::MAX as u64);

/// How long a connection is silent before it is asked for a sign of life, unless the URL says otherwise:
/// routers forget connections that are idle for longer than a few minutes, and tell nobody.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// How long it waits for that sign before it asks again.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// How often it asks.
const KEEPALIVE_RETRIES: u32 = 3;

/// How long what was sent may stay without a receipt before the connection counts as broken, unless
/// the URL says otherwise.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the client sets when nobody has said anything.
const UNSET_KEEPALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// The longest name of a schema, in bytes: PostgreSQL's limit, less room for the channel's name.
const MAX_SCHEMA_BYTES: usize = 48;

impl PgOptions {
    /// The defaults for a server that the client's own configuration describes.
    pub fn new(mut config: Config) -> Self {
        if config.get_application_name().is_none() {
            config.application_name("annals");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_keepalives_idle() == UNSET_KEEPALIVE_IDLE {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if config.get_keepalives_interval().is_none() {
            config.keepalives_interval(KEEPALIVE_INTERVAL);
        }
        if config.get_keepalives_retries().is_none() {
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
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
            frozen_after: Duration::from_secs(9),
            connect_retry: Duration::from_secs(10),
            tls: None,
            pooler: false,
            listen: true,
            migrate: true,
            clock: None,
        }
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
    /// listens. Default 16, at most 1,000.
    #[must_use]
    pub fn pool(mut self, connections: usize) -> Self {
        self.pool = connections.clamp(1, MAX_POOL);
        self
    }

    /// How long to wait for a free connection of the pool. Default 10 s.
    #[must_use]
    pub fn pool_timeout(mut self, timeout: Duration) -> Self {
        self.pool_timeout = timeout;
        self
    }

    /// How many appends wait at the most before new ones wait to be let in. Default 1,024, at most
    /// a million.
    #[must_use]
    pub fn queue(mut self, appends: usize) -> Self {
        self.queue = appends.clamp(1, MAX_QUEUE);
        self
    }

    /// How long an append waits to be let in before it fails with [`StoreError::Overloaded`].
    /// Default 30 s.
    #[must_use]
    pub fn queue_timeout(mut self, timeout: Duration) -> Self {
        self.queue_timeout = timeout;
        self
    }

    /// How long one statement may take on the server. Default 30 s; there is always a limit.
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

    /// How long a process may stand still in the middle of a transaction, stopped or starved, before
    /// the server ends the transaction and lets go of its locks. Work that takes long is not meant: the
    /// store gives a sign of life three times as often. Default 9 s.
    #[must_use]
    pub fn frozen_after(mut self, time: Duration) -> Self {
        self.frozen_after = time;
        self
    }

    /// How long connecting is tried again, with growing pauses: at the start, and before an append
    /// whose connection broke is reported as unknown. Default 10 s.
    #[must_use]
    pub fn connect_retry(mut self, at_most: Duration) -> Self {
        self.connect_retry = at_most;
        self
    }

    /// How connections are encrypted. To this machine, by a socket or a loopback address, they are not
    /// by default; to another there is no default, and connecting without a word about it fails.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
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

    /// Refuses what a method could not.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let server = [
            ("statement_timeout", self.statement_timeout),
            ("lock_timeout", self.lock_timeout),
            ("frozen_after", self.frozen_after),
        ];
        for (name, time) in server {
            if time.as_millis() == 0 {
                return Err(invalid(format!(
                    "a `{name}` of 0 would be no limit to PostgreSQL: give a time"
                )));
            }
        }
        let own = [
            ("pool_timeout", self.pool_timeout),
            ("queue_timeout", self.queue_timeout),
            ("connect_retry", self.connect_retry),
        ];
        match server.into_iter().chain(own).find(|(_, time)| *time > MAX_TIME) {
            Some((name, _)) => Err(invalid(format!("a `{name}` is at most {MAX_TIME:?}"))),
            None => Ok(()),
        }
    }

    /// How connections are encrypted.
    pub(crate) fn encryption(&self) -> Result<Tls, StoreError> {
        if let Some(tls) = &self.tls {
            return Ok(tls.clone());
        }
        let hosts = self.config.get_hosts().iter().all(is_here);
        if hosts && self.config.get_hostaddrs().iter().all(IpAddr::is_loopback) {
            return Ok(Tls::Disabled);
        }
        Err(invalid(format!(
            "{} is another machine: add `sslmode=verify-full`, with `sslrootcert=FILE` unless the \
             system knows who signs its certificate; or `sslmode=disable`, and everybody on the way \
             reads along",
            self.place()
        )))
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

pub(crate) fn invalid(why: String) -> StoreError {
    StoreError::Invalid { why }
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
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
