//! Options that were checked.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::TlsConnector;

use super::options::{RedisOptions, RedisRoots};
use super::tls;
use super::url::Place;
use crate::InvalidOptions;

/// Options that were checked.
pub(super) struct Settings {
    pub(super) options: RedisOptions,
    pub(super) place: Place,
    pub(super) tls: Option<TlsConnector>,
}

impl Settings {
    pub(super) fn check(options: RedisOptions) -> Result<Arc<Self>, InvalidOptions> {
        let place = Place::parse(&options.url)?;
        let tls = place.tls.then(|| tls::connector(&options)).transpose()?;
        if tls.is_none() && (options.roots != RedisRoots::System || options.identity.is_some()) {
            return Err(InvalidOptions::new(
                "certificates are for TLS, and the URL begins with `redis://`: write `rediss://`",
            ));
        }
        let limits = [
            options.connect_within,
            options.answer_within,
            options.repeats_within.unwrap_or(MILLISECOND),
        ];
        if limits.iter().any(|limit| *limit < MILLISECOND || *limit > MAX_TIME) {
            return Err(InvalidOptions::new(
                "a time limit or window is less than a millisecond or more than a month: choose one between",
            ));
        }
        if options.max_message_bytes == 0 || options.keep_at_least == Some(0) {
            return Err(InvalidOptions::new(
                "`max_message_bytes` and `keep_at_least` are at least 1: nothing could be sent or kept",
            ));
        }
        Ok(Arc::new(Self { options, place, tls }))
    }

    /// The server as people know it.
    pub(super) fn shown(&self) -> &str {
        self.place.shown()
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const MAX_TIME: Duration = Duration::from_secs(31 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RedisOptions, Settings};

    #[test]
    fn options_that_cannot_be_are_told() {
        let fine = || RedisOptions::new("redis://localhost");
        assert!(Settings::check(fine()).is_ok());
        let told = |options: RedisOptions| match Settings::check(options) {
            Ok(_) => panic!("nothing is told"),
            Err(error) => error.to_string(),
        };
        assert!(told(fine().ca_file("/etc/ca.pem")).contains("write `rediss://`"));
        assert!(told(fine().answer_within(Duration::ZERO)).contains("time limit"));
        assert!(told(fine().repeats_within(Some(Duration::MAX))).contains("window"));
        assert!(told(fine().keep_at_least(0)).contains("keep_at_least"));
        let missing = RedisOptions::new("rediss://localhost").ca_file("/nowhere/ca.pem");
        assert!(told(missing).contains("/nowhere/ca.pem cannot be used"));
    }
}
