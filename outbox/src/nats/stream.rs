//! Streams: found, checked, and made where somebody has declared them.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::stream::{Config, Info, StorageType};
use serde::Deserialize;
use serde_json::json;

use super::errors::{self, Trouble};
use super::live::Live;
use super::subject::{self, covers};
use crate::InvalidOptions;

/// A stream of JetStream as it is made where it is not there: kept in files, on one server, for ever, if
/// nobody says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsStream {
    name: String,
    subjects: Vec<String>,
    replicas: usize,
    in_memory: bool,
    max_age: Duration,
    max_bytes: Option<i64>,
    repetitions_within: Duration,
}

impl NatsStream {
    /// A stream of this name that takes what is published to these subjects; `shop.>` is all that begin with
    /// `shop.`.
    pub fn new<S: Into<String>>(
        name: impl Into<String>,
        subjects: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            name: name.into(),
            subjects: subjects.into_iter().map(Into::into).collect(),
            replicas: 1,
            in_memory: false,
            max_age: Duration::ZERO,
            max_bytes: None,
            repetitions_within: Duration::from_secs(120),
        }
    }

    /// On how many servers of a cluster each message is stored: 1, 3 or 5.
    #[must_use]
    pub fn replicas(self, replicas: usize) -> Self {
        Self { replicas, ..self }
    }

    /// Keeps messages in memory only: they are gone when the servers end.
    #[must_use]
    pub fn in_memory(self) -> Self {
        Self { in_memory: true, ..self }
    }

    /// Throws messages away that are older, whether or not everybody has had them.
    #[must_use]
    pub fn max_age(self, age: Duration) -> Self {
        Self { max_age: age, ..self }
    }

    /// Throws the oldest messages away when all together have more bytes.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        Self { max_bytes: Some(i64::try_from(bytes).unwrap_or(i64::MAX)), ..self }
    }

    /// How long the server remembers ids, to find repetitions; 2 minutes if nobody says otherwise. It should
    /// be longer than the broker is ever down for a sender.
    #[must_use]
    pub fn repetitions_within(self, window: Duration) -> Self {
        Self { repetitions_within: window, ..self }
    }

    pub(super) fn check(&self) -> Result<(), InvalidOptions> {
        check_name(&self.name)?;
        if self.subjects.is_empty() {
            return Err(InvalidOptions::new(format!(
                "the stream `{}` takes no subjects: name some, as `shop.>`",
                self.name
            )));
        }
        let mut checked = self.subjects.iter().map(|subject| subject::check(subject));
        checked.find_map(Result::err).map_or(Ok(()), |why| Err(InvalidOptions::new(why)))
    }

    fn config(&self) -> Config {
        Config {
            name: self.name.clone(),
            subjects: self.subjects.clone(),
            num_replicas: self.replicas,
            storage: if self.in_memory { StorageType::Memory } else { StorageType::File },
            max_age: self.max_age,
            max_bytes: self.max_bytes.unwrap_or(-1),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            duplicate_window: match self.max_age {
                Duration::ZERO => self.repetitions_within,
                age => self.repetitions_within.min(age),
            },
            ..Config::default()
        }
    }
}

/// Whether a stream can have this name.
pub(super) fn check_name(name: &str) -> Result<(), InvalidOptions> {
    let strange = |c: char| c.is_whitespace() || c.is_control() || ".*>/\\".contains(c);
    if name.is_empty() || name.contains(strange) {
        return Err(InvalidOptions::new(format!(
            "`{name}` is no name for a stream: write letters, digits, `-` and `_`"
        )));
    }
    Ok(())
}

/// The stream that takes this subject.
pub(super) async fn of_subject(live: &Live, subject: &str) -> Result<Option<String>, Trouble> {
    #[derive(Deserialize)]
    struct Names {
        streams: Option<Vec<String>>,
    }
    let what = "name the stream of a subject";
    let names = live.api::<Names>(what, "STREAM.NAMES", &json!({ "subject": subject })).await?;
    let names = names.map_err(|error| errors::api_error(what, &error))?;
    Ok(names.streams.unwrap_or_default().into_iter().next())
}

/// What there is to know of a stream; `None` if it is not there.
pub(super) async fn info(live: &Live, name: &str) -> Result<Option<Info>, Trouble> {
    let what = format!("tell about the stream `{name}`");
    let subject = format!("STREAM.INFO.{name}");
    live.api_unless(ErrorCode::STREAM_NOT_FOUND, &what, &subject, &json!({})).await
}

/// Proves that messages to a subject are stored and acknowledged, and makes its stream if it is declared.
pub(super) async fn ensure_subject(
    live: &Live,
    declared: &[NatsStream],
    subject: &str,
) -> Result<(), Trouble> {
    let Some(name) = of_subject(live, subject).await? else {
        let takes = |stream: &&NatsStream| stream.subjects.iter().any(|own| covers(own, subject));
        let Some(stream) = declared.iter().find(takes) else {
            return Err(Trouble::Missing(no_stream(subject)));
        };
        let made = ensure(live, declared, &stream.name).await?;
        if made.config.subjects.iter().any(|own| covers(own, subject)) {
            return Ok(());
        }
        let subjects: Vec<&str> = made.config.subjects.iter().map(String::as_str).collect();
        return Err(Trouble::Missing(format!(
            "the stream `{name}` is there and does not take `{subject}`: it is left as it is; do \
             `nats stream edit {name} --subjects '{},{subject}'`",
            subjects.join(","),
            name = stream.name,
        )));
    };
    let Some(info) = info(live, &name).await? else {
        return Err(Trouble::Missing(no_stream(subject)));
    };
    if info.config.no_ack {
        return Err(Trouble::Missing(format!(
            "the stream `{name}` acknowledges nothing (`no_ack`), so nobody knows what it has stored: \
             make it anew without that"
        )));
    }
    if info.config.sealed {
        return Err(Trouble::Missing(format!("the stream `{name}` is sealed: it takes no more")));
    }
    Ok(())
}

/// A stream by its name, made if it is declared.
pub(super) async fn ensure(
    live: &Live,
    declared: &[NatsStream],
    name: &str,
) -> Result<Info, Trouble> {
    if let Some(info) = info(live, name).await? {
        return Ok(info);
    }
    let Some(stream) = declared.iter().find(|stream| stream.name == name) else {
        return Err(Trouble::Missing(format!(
            "there is no stream `{name}`: do `nats stream add {name} --subjects '….>' --defaults`, or \
             declare it with NatsOptions::declare"
        )));
    };
    let what = format!("make the stream `{name}`");
    let made = live.api(&what, &format!("STREAM.CREATE.{name}"), &stream.config()).await?;
    match made {
        Ok(made) => Ok(made),
        // Somebody else has just made it.
        Err(error) if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {
            let there = info(live, name).await?;
            there.ok_or_else(|| Trouble::Missing(format!("the stream `{name}` came and went")))
        }
        Err(error) => Err(errors::api_error(&what, &error)),
    }
}

/// What is missing where no stream takes a subject, and the command that makes it.
pub(super) fn no_stream(subject: &str) -> String {
    let name = subject.split('.').next().unwrap_or_default().to_uppercase();
    format!(
        "no stream takes `{subject}`: do `nats stream add {name} --subjects '{subject}' --defaults`, or \
         declare one with NatsOptions::declare"
    )
}
