//! A relay: the consumer that sends what a route says.

use std::sync::Arc;
use std::time::Duration;

use annals_consumers::{
    ConsumeError, Consumer, Deliver, Handler, PartitionRecord, SubscriberDefinition, Target,
};
use annals_core::{RecordedEvent, RegisterError, SLICES, SchemaRegistry};
use async_trait::async_trait;
use jiff::Timestamp;

use crate::address::Address;
use crate::contract::Contract;
use crate::gate::Gate;
use crate::message::Message;
use crate::publication::Publication;
use crate::publisher::{PublishError, Published, Publisher};
use crate::route::Route;

/// What the engine calls a relay.
pub(crate) const KIND: &str = "relay";

/// Settings of a relay.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// After how long without a word from the broker a message counts as in doubt and is sent again,
    /// should the publisher not notice it before. Default 30 s.
    pub publish_within: Duration,
    /// After how long an event that is not sent turns the relay's health red. Default 60 s.
    pub late_after: Duration,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self { publish_within: Duration::from_secs(30), late_after: Duration::from_secs(60) }
    }
}

/// The consumer that sends what a route says to a broker.
pub fn relay<R: Route>(
    route: R,
    publisher: Arc<dyn Publisher>,
    options: RelayOptions,
) -> SubscriberDefinition {
    let start = route.start();
    let contract = Contract::of(&route, &*publisher);
    let publication = Publication::new(route);
    let filter = publication.filter();
    let late_after = Some(options.late_after);
    let gate = Gate::new(R::NAME, options.publish_within);
    let relay = Relay { publication, publisher, gate };
    let consumer = Consumer {
        name: R::NAME.into(),
        kind: KIND,
        version: R::VERSION,
        filter,
        key: R::KEY,
        concerns: None,
        on_failure: R::ON_FAILURE,
        most_partitions: u32::from(SLICES),
        inline: false,
        inflow: None,
        late_after,
        handler: Arc::new(Relaying(Arc::new(relay))),
    };
    let definition = SubscriberDefinition::new(consumer, (start, R::PARTITIONS), |journal| {
        Box::pin(async move {
            SchemaRegistry::default().register::<R::Public>().map_err(RegisterError::from)?;
            journal.register::<R::Event>().await
        })
    });
    definition.keeping(Contract::key(R::NAME), contract.text())
}

struct Relaying<R>(Arc<Relay<R>>);

#[async_trait]
impl<R: Route> Handler for Relaying<R> {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        let relay = &self.0;
        let places = relay.publication.route.places();
        let prepared = relay.gate.run(|| relay.publisher.prepare(&places)).await;
        prepared.map_err(|error| match places.first() {
            Some(place) => error.consequence(relay.publisher.broker(), place),
            None => ConsumeError::stop(format!("the route `{}` names no place", R::NAME)),
        })?;
        Ok(Target::External(self.0.clone()))
    }

    /// The ids are the same.
    fn replays(&self) -> bool {
        true
    }
}

struct Relay<R> {
    publication: Publication<R>,
    publisher: Arc<dyn Publisher>,
    gate: Gate,
}

#[async_trait]
impl<R: Route> Deliver for Relay<R> {
    async fn deliver(&self, events: &[RecordedEvent]) -> Result<(), ConsumeError> {
        for event in events {
            // One after the other: what is in doubt comes again before its successors.
            for (to, outgoing) in self.publication.of(event)? {
                let message = R::ENVELOPE.seal(outgoing);
                // In a box of its own: together they would be more than allocators have at hand.
                Box::pin(self.send(&to, &message, event.recorded_at)).await?;
            }
        }
        Ok(())
    }

    fn apart(&self) -> bool {
        false
    }
}

impl<R: Route> Relay<R> {
    async fn send(
        &self,
        to: &Address,
        message: &Message,
        recorded_at: Timestamp,
    ) -> Result<(), ConsumeError> {
        let sent = self.gate.run(|| self.publisher.publish(to, message)).await;
        let is_up = !matches!(sent, Err(PublishError::Down { .. } | PublishError::InDoubt { .. }));
        metrics::gauge!("annals_relay_broker_up", "relay" => R::NAME).set(f64::from(is_up));
        let counter = match &sent {
            Ok(Published::Stored) => "annals_relay_published_total",
            Ok(Published::Repeated) => "annals_relay_repeated_total",
            Err(PublishError::InDoubt { .. }) => "annals_relay_in_doubt_total",
            Err(_) => "annals_relay_unsent_total",
        };
        metrics::counter!(counter, "relay" => R::NAME).increment(1);
        sent.map_err(|error| error.consequence(self.publisher.broker(), to))?;
        let waited = Timestamp::now().duration_since(recorded_at).as_secs_f64();
        metrics::histogram!("annals_relay_seconds", "relay" => R::NAME).record(waited.max(0.0));
        Ok(())
    }
}
