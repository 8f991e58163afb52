//! The consumer that answers requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_consumers::{
    ConsumeError, Consumer, Deliver, Handler, KeyBy, PartitionRecord, Start, SubscriberDefinition,
    Target,
};
use annals_core::store::LogFilter;
use annals_core::{Fingerprint, RecordedEvent, SLICES, key_that_comes_twice};
use async_trait::async_trait;

use super::answer::{Answer, Asked};
use super::answers::{Answers, Known};
use super::intake::{self, REQUEST, Taken};
use super::wire::{self, Said};
use crate::inbound::Inbound;
use crate::publisher::{PublishError, Published, Publisher};

/// After how long without a word from the broker a reply counts as in doubt and is sent again, should the
/// publisher not notice it before.
const PUBLISH_WITHIN: Duration = Duration::from_secs(30);

/// The consumer that answers what comes from a source, and sends its replies by a publisher. How messages are
/// [read](Inbound::reading) otherwise says nothing about requests.
pub fn responder<A: Answer>(
    answerer: A,
    inbound: &Inbound,
    publisher: Arc<dyn Publisher>,
) -> SubscriberDefinition {
    let answers = Mutex::new(Answers::new(A::REMEMBER));
    let consumer = Consumer {
        name: A::NAME.into(),
        kind: "responder",
        version: A::VERSION,
        filter: LogFilter { event_types: vec![REQUEST], ..LogFilter::default() },
        key: KeyBy::Stream,
        concerns: None,
        on_failure: A::ON_FAILURE,
        most_partitions: u32::from(SLICES),
        inline: false,
        late_after: None,
        inflow: None,
        handler: Arc::new(Responding(Arc::new(Responder { answerer, publisher, answers }))),
    };
    let parts = inbound.parts();
    // A request is no event of this store: there is nothing to be known of its type.
    let definition = SubscriberDefinition::new(consumer, (Start::Now, parts), |_| {
        Box::pin(std::future::ready(Ok(())))
    });
    definition.receiving(inbound.inflow_by(intake::event), parts)
}

struct Responding<A>(Arc<Responder<A>>);

#[async_trait]
impl<A: Answer> Handler for Responding<A> {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        Ok(Target::External(self.0.clone()))
    }
}

struct Responder<A> {
    answerer: A,
    publisher: Arc<dyn Publisher>,
    answers: Mutex<Answers>,
}

#[async_trait]
impl<A: Answer> Deliver for Responder<A> {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        for event in events {
            let taken: Taken = event.payload.decode().map_err(ConsumeError::poison)?;
            let said = self.say(&taken).await?;
            self.send(&taken, said).await?;
        }
        Ok(())
    }
}

impl<A: Answer> Responder<A> {
    /// What is said to a request: what was said before, or the answer.
    async fn say(&self, taken: &Taken) -> Result<Said, ConsumeError> {
        let Some(body) = &taken.body else {
            return Ok(Said::refusal("the request is no UTF-8: send JSON"));
        };
        let fingerprint = Fingerprint::of(body);
        let known = self.answers().of(&taken.id, &fingerprint);
        match known {
            Known::New => {}
            Known::Said(said) => {
                metrics::counter!("annals_answers_repeated_total", "responder" => A::NAME)
                    .increment(1);
                return Ok(said);
            }
            Known::Another => {
                return Ok(Said::refusal(format!(
                    "the id {} was another request's: give each request an id of its own",
                    taken.id
                )));
            }
        }
        if let Some(pointer) = key_that_comes_twice(body) {
            return Ok(Said::refusal(format!("the key `{pointer}` of the request comes twice")));
        }
        let data = match serde_json::from_str(body) {
            Ok(data) => data,
            Err(error) => {
                return Ok(Said::refusal(format!("the request cannot be read: {error}")));
            }
        };
        let (id, correlation_id) = (taken.id.clone(), taken.correlation.clone());
        let asked = Asked { id, correlation_id, data, body: body.clone() };
        let said = match self.answerer.answer(&asked).await {
            Ok(reply) => match serde_json::to_vec(&reply) {
                Ok(written) => Said::Answer(written.into()),
                Err(error) => Said::refusal(format!(
                    "the request was dealt with, but its answer cannot be written as JSON: {error}"
                )),
            },
            Err(ConsumeError::Poison(why)) => Said::refusal(why.to_string()),
            Err(error) => return Err(error),
        };
        self.answers().remember(&taken.id, fingerprint, said.clone());
        Ok(said)
    }

    /// Sends a reply. Where it cannot go, because whoever asked is gone, nobody else waits for that.
    async fn send(&self, taken: &Taken, said: Said) -> Result<(), ConsumeError> {
        let mut said = said;
        let to = taken.reply_to();
        let mut sent = self.publish(taken, &said).await;
        if let Err(PublishError::Refused { why }) = &sent
            && let Said::Answer(_) = said
        {
            said = Said::refusal(format!(
                "the request was dealt with, but its answer cannot be sent: {why}"
            ));
            sent = self.publish(taken, &said).await;
        }
        let outcome = match sent {
            Ok(_) => said.outcome(),
            Err(PublishError::Missing { why } | PublishError::Refused { why }) => {
                let (responder, request) = (A::NAME, &*taken.id);
                tracing::warn!(responder, request, "no reply can be sent to `{to}`: {why}");
                "undeliverable"
            }
            Err(error) => return Err(error.consequence(self.publisher.broker(), &to)),
        };
        metrics::counter!("annals_answers_total", "responder" => A::NAME, "outcome" => outcome)
            .increment(1);
        Ok(())
    }

    /// Bounds what a publisher should bound by itself.
    async fn publish(&self, taken: &Taken, said: &Said) -> Result<Published, PublishError> {
        let (to, reply) = (taken.reply_to(), wire::reply(&taken.correlation, said));
        let sending = self.publisher.publish(&to, &reply);
        tokio::time::timeout(PUBLISH_WITHIN, sending).await.unwrap_or_else(|_| {
            let limit = PUBLISH_WITHIN.as_secs();
            Err(PublishError::in_doubt(format!("no answer within {limit} s")))
        })
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
