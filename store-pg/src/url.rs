//! Options from a URL. What it holds may be secret, so errors show names and never what stands where a
//! password may stand.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use annals_core::store::StoreError;
use tokio_postgres::Config;

use crate::options::{MAX_TIME, PgOptions, Roots, Tls, invalid};

/// The parameters of a URL that are this store's own.
const PARAMETERS: &str = "schema, pool, pool_timeout_ms, queue, queue_timeout_ms, \
     statement_timeout_ms, lock_timeout_ms, frozen_after_ms, connect_retry_ms, \
     sslmode=disable|verify-full, sslrootcert=FILE|system, sslcert, sslkey, pooler=none|transaction, \
     listen=on|off, migrate=on|off";

/// The parameters that the client understands.
const PASSED_ON: [&str; 17] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

impl PgOptions {
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
        if parameters.contains('@') {
            let why = "an `@` stands behind the `?` of the URL: write `%3F` for a `?` in a password, \
                       and `%40` for an `@` in a parameter";
            return Err(invalid(why.to_owned()));
        }
        let (mut passed_on, mut own) = (Vec::new(), Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match PASSED_ON.contains(&name) {
                true => passed_on.push(parameter),
                false => own.push((name, value)),
            }
        }
        let config = Config::from_str(&format!("{address}?{}", passed_on.join("&")))
            // The client's message never holds the password.
            .map_err(|error| invalid(format!("the URL cannot be read: {error}")))?;
        let (mut options, mut tls) = (Self::new(config), TlsParameters::default());
        for (name, value) in own {
            let number = || {
                let number = value.parse::<u64>();
                number.map_err(|_| invalid(format!("`{name}` needs a number, not `{value}`")))
            };
            let count = || number().map(|number| usize::try_from(number).unwrap_or(usize::MAX));
            let milliseconds = || match number()? {
                number if Duration::from_millis(number) <= MAX_TIME => {
                    Ok(Duration::from_millis(number))
                }
                _ => Err(invalid(format!("`{name}` is at most {}", MAX_TIME.as_millis()))),
            };
            match (name, value) {
                ("schema", _) => options = options.schema(value)?,
                ("pool", _) => options = options.pool(count()?),
                ("pool_timeout_ms", _) => options.pool_timeout = milliseconds()?,
                ("queue", _) => options = options.queue(count()?),
                ("queue_timeout_ms", _) => options.queue_timeout = milliseconds()?,
                ("statement_timeout_ms", _) => options.statement_timeout = milliseconds()?,
                ("lock_timeout_ms", _) => options.lock_timeout = milliseconds()?,
                ("frozen_after_ms", _) => options.frozen_after = milliseconds()?,
                ("connect_retry_ms", _) => options.connect_retry = milliseconds()?,
                ("commit", _) => {
                    return Err(invalid(
                        "`commit` is gone: an append waits for the disk under the lock, which is \
                         as fast, and `commit=barrier` let others act on what a crash takes \
                         away; leave it out"
                            .to_owned(),
                    ));
                }
                ("sslmode" | "sslrootcert" | "sslcert" | "sslkey", _) => tls.take(name, value)?,
                ("pooler", "none") => options.pooler = false,
                ("pooler", "transaction") => options = options.pooler(),
                ("listen", "on") => options.listen = true,
                ("listen", "off") => options.listen = false,
                ("migrate", "on") => options.migrate = true,
                ("migrate", "off") => options.migrate = false,
                _ => return Err(unknown(name)),
            }
        }
        options.tls = tls.finish()?;
        options.check()?;
        Ok(options)
    }
}

/// A parameter that is not known, or not with such a value. The value is not shown: it may be that of
/// a misspelt `password`.
fn unknown(name: &str) -> StoreError {
    let is_plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let name = if is_plain { format!(" `{name}` with such a value") } else { String::new() };
    invalid(format!(
        "there is no parameter{name}: known are {PARAMETERS}; and {}",
        PASSED_ON.join(", ")
    ))
}

/// What a URL says about encryption.
#[derive(Default)]
struct TlsParameters {
    verify: Option<bool>,
    roots: Option<Roots>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl TlsParameters {
    fn take(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        match (name, value) {
            ("sslmode", "disable") => self.verify = Some(false),
            ("sslmode", "verify-full") => self.verify = Some(true),
            ("sslmode", _) => {
                let why = "this `sslmode` would not know whom it talks to: write \
                           `sslmode=verify-full`, with `sslrootcert=FILE` unless the system knows \
                           who signs the server's certificate, or `sslmode=disable`";
                return Err(invalid(why.to_owned()));
            }
            ("sslrootcert", "system") => self.roots = Some(Roots::System),
            ("sslrootcert", _) => self.roots = Some(Roots::File(decode(value)?.into())),
            ("sslcert", _) => self.certificate = Some(decode(value)?.into()),
            _ => self.key = Some(decode(value)?.into()),
        }
        Ok(())
    }

    /// `None` when it says nothing.
    fn finish(self) -> Result<Option<Tls>, StoreError> {
        if self.verify != Some(true) {
            let given = [
                ("sslrootcert", self.roots.is_some()),
                ("sslcert", self.certificate.is_some()),
                ("sslkey", self.key.is_some()),
            ];
            if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
                let why = format!("`{name}` has no effect without `sslmode=verify-full`: add that");
                return Err(invalid(why));
            }
            return Ok(self.verify.map(|_| Tls::Disabled));
        }
        let client = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(invalid("`sslcert` and `sslkey` go together".to_owned())),
        };
        Ok(Some(Tls::VerifyFull { roots: self.roots.unwrap_or_default(), client }))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        PgOptions::parse(url).map(drop).expect_err(url).to_string()
    }

    #[test]
    fn secrets_are_not_shown() {
        for url in [
            "postgres://u@h/db?passwort=hunter2",
            "postgres://u@h/db?Password=hunter2",
            "postgres://u@h/db?hunter2%",
            "postgres://u:p?hunter2@h/db",
            "postgres://u:hunter2@h:x/db",
            "postgres://u@h/db?password=hunter2&schema=A",
            "host=h password=hunter2",
        ] {
            let error = refused(url);
            assert!(!error.contains("hunter2"), "{error}");
        }
        let options = PgOptions::parse("postgres://u@h/db?password=hunter2").expect("libpq's own");
        assert_eq!(options.config.get_password(), Some(&b"hunter2"[..]));
        assert!(!format!("{options:?}").contains("hunter2"));
    }

    #[test]
    fn no_number_is_too_large() {
        for name in ["pool_timeout", "queue_timeout", "statement_timeout", "lock_timeout"] {
            let error = refused(&format!("postgres://h/db?{name}_ms=9999999999999999999"));
            assert!(error.contains(name) && error.contains("at most"), "{error}");
        }
        for name in ["statement_timeout", "lock_timeout", "frozen_after"] {
            let error = refused(&format!("postgres://h/db?{name}_ms=0"));
            assert!(error.contains(name) && error.contains("no limit"), "{error}");
        }
        let url = "postgres://h/db?queue=9999999999999999999&pool=9999999999999999999";
        let options = PgOptions::parse(url).expect("they are cut");
        assert!(options.queue <= tokio::sync::Semaphore::MAX_PERMITS);
        assert_eq!(options.pool, 1_000);
    }

    #[test]
    fn encryption_is_all_or_nothing() {
        for url in [
            "postgres://h/db?sslrootcert=/etc/ca.pem",
            "postgres://h/db?sslmode=disable&sslrootcert=system",
            "postgres://h/db?sslcert=/c&sslkey=/k",
            "postgres://h/db?sslmode=require",
            "postgres://h/db?sslmode=verify-full&sslcert=/c",
        ] {
            assert!(refused(url).contains("ssl"), "{url}");
        }
        for (url, encrypted) in [
            ("postgres://db.example.com/x", None),
            ("postgres://10.0.0.7,localhost/x", None),
            ("postgres://localhost/x?hostaddr=10.0.0.7", None),
            ("postgres://db.example.com/x?sslmode=disable", Some(false)),
            ("postgres://db.example.com/x?sslmode=verify-full", Some(true)),
            ("postgres://db.example.com/x?sslmode=verify-full&sslrootcert=system", Some(true)),
            ("postgres://localhost/x", Some(false)),
            ("postgres://127.0.0.7:5433,[::1]/x", Some(false)),
            ("postgres://%2Frun%2Fpostgresql/x", Some(false)),
        ] {
            let tls = PgOptions::parse(url).expect(url).encryption().ok();
            assert_eq!(tls.map(|tls| tls != Tls::Disabled), encrypted, "{url}");
        }
    }
}
