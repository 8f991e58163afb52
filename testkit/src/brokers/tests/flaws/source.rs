//! A source that breaks a promise.

use std::sync::Arc;
use std::time::Duration;

use annals_outbox::{Part, ReceiveError, Received, Receiver, Source};
use async_trait::async_trait;

use super::Flaw;

pub(super) struct FlawedSource {
    pub(super) source: Arc<dyn Source>,
    pub(super) flaw: Flaw,
}

#[async_trait]
impl Source for FlawedSource {
    fn broker(&self) -> &str {
        self.source.broker()
    }

    fn origin(&self) -> &str {
        self.source.origin()
    }

    async fn open(&self, group: &str, part: Part) -> Result<Box<dyn Receiver>, ReceiveError> {
        let group = if self.flaw == Flaw::MixesGroups { "all" } else { group }.to_owned();
        let whole = Part { index: 0, of: 1 };
        let part = if self.flaw == Flaw::IgnoresParts { whole } else { part };
        let receiver = self.source.open(&group, part).await?;
        let source = self.source.clone();
        Ok(Box::new(FlawedReceiver {
            receiver,
            flaw: self.flaw,
            source,
            group,
            part,
            last: 0,
            less: 0,
        }))
    }
}

struct FlawedReceiver {
    receiver: Box<dyn Receiver>,
    flaw: Flaw,
    source: Arc<dyn Source>,
    group: String,
    part: Part,
    last: u64,
    /// What is taken from each number, or how many were handed out by who doubles them.
    less: u64,
}

#[async_trait]
impl Receiver for FlawedReceiver {
    async fn receive(&mut self, limit: usize) -> Result<Vec<Received>, ReceiveError> {
        let receiving = match self.flaw {
            Flaw::IgnoresLimits => self.receiver.receive(limit * 2),
            _ => self.receiver.receive(limit),
        };
        let mut received = match self.flaw {
            Flaw::ReturnsNothing => {
                let received = tokio::time::timeout(Duration::from_millis(1), receiving).await;
                received.unwrap_or_else(|_| Ok(Vec::new()))
            }
            _ => receiving.await,
        };
        if received.is_err() && self.flaw == Flaw::CountsAnew {
            self.less = self.last;
        }
        let last = received.as_ref().ok().and_then(|received| received.last());
        self.last = last.map_or(self.last, |last| last.number);
        let received = received.as_mut().map(std::mem::take);
        let mut received = received.map_err(|error| ReceiveError::down(error.to_string()))?;
        match self.flaw {
            Flaw::LosesWhatWasDropped => tokio::task::yield_now().await,
            Flaw::AcknowledgesEarly => self.receiver.acknowledge(self.last).await?,
            Flaw::TurnsAround => {
                let mut messages: Vec<_> = received.iter().map(|one| one.message.clone()).collect();
                for one in &mut received {
                    one.message = messages.pop().expect("there are as many");
                }
            }
            Flaw::Doubles => {
                received = received.into_iter().flat_map(|one| [one.clone(), one]).collect();
                received.truncate(limit);
                for (place, one) in received.iter_mut().enumerate() {
                    one.number = self.less + place as u64 + 1;
                }
                self.less += received.len() as u64;
                return Ok(received);
            }
            _ => {}
        }
        for one in &mut received {
            one.number -= self.less;
        }
        Ok(received)
    }

    async fn acknowledge(&mut self, number: u64) -> Result<(), ReceiveError> {
        match self.flaw {
            Flaw::AcknowledgesAll => self.receiver.acknowledge(self.last).await,
            Flaw::AcknowledgesNothing => Ok(()),
            Flaw::ObeysTheOld => {
                // Becomes the one that may, and acknowledges in its own name.
                self.receiver = self.source.open(&self.group, self.part).await?;
                let again = self.receiver.receive(number as usize).await?;
                self.receiver.acknowledge(again.len() as u64).await
            }
            _ => self.receiver.acknowledge(number).await,
        }
    }
}
