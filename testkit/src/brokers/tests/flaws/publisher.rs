//! A publisher that breaks a promise.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_outbox::{Address, Message, PublishError, Published, Publisher};
use async_trait::async_trait;

use super::Flaw;

pub(super) struct FlawedPublisher {
    publisher: Arc<dyn Publisher>,
    flaw: Flaw,
    calls: AtomicUsize,
    ids: Mutex<BTreeSet<String>>,
}

impl FlawedPublisher {
    pub(super) fn new(publisher: Arc<dyn Publisher>, flaw: Flaw) -> Self {
        Self { publisher, flaw, calls: AtomicUsize::new(0), ids: Mutex::default() }
    }
}

#[async_trait]
impl Publisher for FlawedPublisher {
    fn broker(&self) -> &str {
        self.publisher.broker()
    }

    async fn prepare(&self, places: &[Address]) -> Result<(), PublishError> {
        self.publisher.prepare(places).await
    }

    async fn publish(&self, to: &Address, message: &Message) -> Result<Published, PublishError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut message = message.clone();
        match self.flaw {
            Flaw::StoresLess if call % 7 == 6 => return Ok(Published::Stored),
            Flaw::StoresLater => {
                let (publisher, to) = (self.publisher.clone(), to.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(5 * (call as u64 % 3))).await;
                    drop(publisher.publish(&to, &message).await);
                });
                return Ok(Published::Stored);
            }
            Flaw::TrimsHeaders => {
                for value in message.headers.values_mut() {
                    *value = value.trim().to_owned();
                }
            }
            Flaw::MixesHeaders => message.attributes.append(&mut message.headers),
            Flaw::TrustsIds => {
                let mut ids = self.ids.lock().expect("nobody panics while holding it");
                if !ids.insert(message.id.clone()) {
                    return Ok(Published::Repeated);
                }
            }
            _ => {}
        }
        match self.publisher.publish(to, &message).await {
            Err(PublishError::Refused { .. }) if self.flaw == Flaw::SaysNoSize => {
                Err(PublishError::Refused { why: "it is too large".to_owned() })
            }
            Err(PublishError::Down { .. }) if self.flaw == Flaw::HangsWhenDown => {
                std::future::pending().await
            }
            answer => answer,
        }
    }
}
