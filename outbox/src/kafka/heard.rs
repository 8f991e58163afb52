//! What a client's threads have to say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Remembers what a client has said about its connections. Clones are the same memory.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Inner>);

#[derive(Default)]
struct Inner {
    said: Mutex<Said>,
    all_down: AtomicBool,
}

/// In librdkafka's words.
#[derive(Default)]
struct Said {
    /// The last trouble.
    trouble: Option<String>,
    /// Why we are not let in. Connections that break meanwhile do not take it back, and it is not said again
    /// for half a minute.
    refusal: Option<String>,
}

impl Heard {
    /// Whether no broker was reachable when something was last heard of them.
    pub(super) fn all_down(&self) -> bool {
        self.0.all_down.load(Ordering::Relaxed)
    }

    /// A broker has answered.
    pub(super) fn up(&self) {
        self.0.all_down.store(false, Ordering::Relaxed);
        *self.said() = Said::default();
    }

    /// What the brokers have against us, whoever asks: no time makes it better.
    pub(super) fn refusal(&self) -> Option<String> {
        self.said().refusal.clone()
    }

    /// What was last said, or `otherwise`.
    pub(super) fn words(&self, otherwise: &str) -> String {
        let said = self.said();
        said.refusal.as_ref().or(said.trouble.as_ref()).map_or(otherwise, |words| words).to_owned()
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.said.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut said = self.said();
        match code {
            Code::AllBrokersDown => {
                self.0.all_down.store(true, Ordering::Relaxed);
                // It does not say why: what was said before may.
                said.trouble.get_or_insert_with(|| reason.to_owned());
            }
            Code::Authentication | Code::SSL | Code::SaslAuthenticationFailed => {
                said.refusal = Some(reason.to_owned());
            }
            _ => said.trouble = Some(reason.to_owned()),
        }
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
        heard.error(KafkaError::Global(Code::BrokerTransportFailure), "refused");
        heard.error(KafkaError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(heard.words("nothing"), "refused");
        assert!(heard.all_down() && heard.refusal().is_none());
        heard.up();
        assert!(!heard.all_down());
        assert_eq!(heard.words("nothing"), "nothing");
    }

    #[test]
    fn a_wrong_password_stays_wrong_until_somebody_answers() {
        let heard = Heard::default();
        heard.error(KafkaError::Global(Code::Authentication), "wrong password");
        heard.error(KafkaError::Global(Code::AllBrokersDown), "1/1 brokers are down");
        heard.error(KafkaError::Global(Code::BrokerTransportFailure), "disconnected");
        assert_eq!(heard.refusal().as_deref(), Some("wrong password"));
        assert_eq!(heard.words("nothing"), "wrong password");
        heard.up();
        assert!(heard.refusal().is_none());
    }
}
