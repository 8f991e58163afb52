//! One client that sends.

use std::sync::Arc;

use rdkafka::client::Client;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer,
};
use rdkafka::{ClientConfig, ClientContext};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::heard::Heard;
use super::record::headers_of;
use crate::message::Message;

/// A client with its threads.
pub(super) struct Producer {
    /// There until it is dropped.
    native: Option<ThreadedProducer<Deliveries>>,
    pub(super) heard: Heard,
}

/// A message that is not confirmed yet.
pub(super) struct Waiting {
    answer: oneshot::Sender<Result<(), KafkaError>>,
    /// Is free again when the client has let go of the message, and not before.
    _room: OwnedSemaphorePermit,
}

/// Hands out what brokers have said about messages.
struct Deliveries(Heard);

impl Producer {
    pub(super) fn new(config: &ClientConfig) -> Result<Arc<Self>, KafkaError> {
        let heard = Heard::default();
        let deliveries = Deliveries(heard.clone());
        let native = ThreadedProducer::from_config_and_context(config, deliveries)?;
        Ok(Arc::new(Self { native: Some(native), heard }))
    }

    /// Hands a message over; what is said about it comes later. Whoever does not wait for that leaves nothing
    /// behind.
    pub(super) fn send(
        &self,
        topic: &str,
        message: &Message,
        room: OwnedSemaphorePermit,
    ) -> Result<oneshot::Receiver<Result<(), KafkaError>>, KafkaError> {
        let (answer, answered) = oneshot::channel();
        let waiting = Box::new(Waiting { answer, _room: room });
        let record = BaseRecord::with_opaque_to(topic, waiting)
            .key(&*message.key)
            .payload(&*message.body)
            .headers(headers_of(message));
        match self.native().send(record) {
            Ok(()) => Ok(answered),
            Err((error, _)) => Err(error),
        }
    }

    pub(super) fn client(&self) -> &Client<impl ClientContext + use<>> {
        self.native().client()
    }

    /// Why it can send nothing any more, if that is so.
    pub(super) fn is_over(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.native().client().fatal_error()
    }

    fn native(&self) -> &ThreadedProducer<Deliveries> {
        self.native.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let native = self.native.take();
        // It waits for its threads and, a moment, for what is on its way.
        std::thread::spawn(move || drop(native));
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, words: &str) {
        self.0.log(level, facility, words);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Waiting>;

    fn delivery(&self, said: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let said = match said {
            Ok(_) => {
                self.0.up();
                Ok(())
            }
            Err((error, _)) => Err(error.clone()),
        };
        // Nobody waits any more: it is given up.
        let _ = waiting.answer.send(said);
    }
}
