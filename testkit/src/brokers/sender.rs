//! Messages on their way to the broker under test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use annals_outbox::{Message, PublishError, Published, Publisher};

use super::samples::show;
use super::scene::{PAUSE, Scene};
use super::subject::Place;

/// Sends to a place, as a relay does.
#[derive(Clone)]
pub struct Sender {
    /// By which it sends.
    pub publisher: Arc<dyn Publisher>,
    pub(super) place: Place,
    pub(super) scene: Scene,
}

impl Sender {
    /// Sends a message once, within the limit. What comes back is the case's.
    pub async fn try_send(&self, message: &Message) -> Result<Published, PublishError> {
        let address = self.scene.address(&self.place, &message.key);
        let promise = format!("publishing {} ends by itself", show(message));
        self.scene.within(&promise, self.publisher.publish(&address, message)).await
    }

    /// Sends a message that nothing speaks against.
    pub async fn send(&self, message: &Message) -> Published {
        let sent = self.try_send(message).await;
        sent.unwrap_or_else(|error| panic!("{} is not taken: {error:?}", show(message)))
    }

    /// Sends messages one after the other.
    pub async fn send_in_turn(&self, messages: &[Message]) {
        for message in messages {
            self.send(message).await;
        }
    }

    /// Sends messages, all keys at once; each key's one after the other.
    pub async fn send_by_key(&self, messages: &[Message]) {
        let mut keys: BTreeMap<String, Vec<Message>> = BTreeMap::new();
        for message in messages {
            keys.entry(message.key.clone()).or_default().push(message.clone());
        }
        let sending = keys.into_values().map(|messages| {
            let sender = self.clone();
            tokio::spawn(async move { sender.send_in_turn(&messages).await })
        });
        for sent in sending.collect::<Vec<_>>() {
            sent.await.expect("the panic above says which message was not taken");
        }
    }

    /// Sends a message again and again until the broker has it, as a relay does in an outage. Calls `failed`
    /// each time that it has not.
    pub async fn send_at_last(&self, message: &Message, failed: impl Fn()) {
        let began = Instant::now();
        loop {
            match self.try_send(message).await {
                Ok(_) => return,
                Err(PublishError::Down { .. } | PublishError::InDoubt { .. }) => failed(),
                Err(error) => panic!("an outage is no fault of {}: {error:?}", show(message)),
            }
            assert!(
                began.elapsed() < self.scene.patience * 3,
                "{} is still not taken, long after the outage: the same publisher has to work again",
                show(message),
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
}
