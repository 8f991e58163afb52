//! What a client's threads have to say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Remembers what a client has said about its connections. Clones are the same memory.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The last trouble, in librdkafka's words.
    last: Mutex<Option<(RDKafkaErrorCode, String)>>,
    all_down: AtomicBool,
}

impl Heard {
    /// Whether no broker was reachable when something was last heard of them.
    pub(super) fn all_down(&self) -> bool {
        self.0.all_down.load(Ordering::Relaxed)
    }

    /// A broker has answered.
    pub(super) fn up(&self) {
        self.0.all_down.store(false, Ordering::Relaxed);
        *self.last() = None;
    }

    /// What the brokers have against us, whoever asks: no time makes it better.
    pub(super) fn refusal(&self) -> Option<String> {
        use RDKafkaErrorCode::{Authentication, SSL, SaslAuthenticationFailed};
        match &*self.last() {
            Some((Authentication | SSL | SaslAuthenticationFailed, words)) => Some(words.clone()),
            _ => None,
        }
    }

    /// What was last said, or `otherwise`.
    pub(super) fn words(&self, otherwise: &str) -> String {
        match &*self.last() {
            Some((_, words)) => words.clone(),
            None => otherwise.to_owned(),
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<(RDKafkaErrorCode, String)>> {
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, words: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(facility, "kafka: {words}");
            }
            // What fails is told by those who wait for it.
            _ => tracing::debug!(facility, "kafka: {words}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("kafka: {error}: {reason}");
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut last = self.last();
        if code == RDKafkaErrorCode::AllBrokersDown {
            self.0.all_down.store(true, Ordering::Relaxed);
            // It does not say why: what was said before may.
            if last.is_some() {
                return;
            }
        }
        *last = Some((code, reason.to_owned()));
    }
}

impl ConsumerContext for Heard {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_kept_when_all_is_down() {
        let heard = Heard::default();
        assert_eq!(heard.words("nothing"), "nothing");
        heard.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "refused");
        heard.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(heard.words("nothing"), "refused");
        assert!(heard.all_down() && heard.refusal().is_none());
        heard.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password");
        assert_eq!(heard.refusal().as_deref(), Some("wrong password"));
        heard.up();
        assert!(!heard.all_down() && heard.refusal().is_none());
    }
}
