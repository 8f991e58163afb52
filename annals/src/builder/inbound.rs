//! Consumers of a broker's messages.

use std::sync::Arc;

use annals_core::Journal;
use annals_projections::{
    Definition, EventHandler, Mode, Projection, Subscriber, SubscriberDefinition,
};

use super::Builder;

impl Builder {
    /// Keeps a projection up to date by the messages of a broker, as if their events were the store's own.
    /// Its rows are written in one transaction with the note of what was received; a message that comes
    /// again is absorbed. Such a projection has no history here: a raised version begins with what the
    /// broker still keeps, or with the [history](annals_outbox::Inbound::history) of whoever tells it, and a
    /// position of the log says nothing about it.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use annals::example::*;
    /// use annals::outbox::{Address, Inbound, MemoryBroker, Route};
    /// use annals::prelude::*;
    /// use annals::Annals;
    ///
    /// /// What the bank tells.
    /// #[derive(Event)]
    /// #[event(prefix = "bank.account")]
    /// enum AccountFact { MoneyCame { cents: i64 } }
    ///
    /// # struct Accounts;
    /// # impl Route for Accounts {
    /// #     type Event = AccountEvent;
    /// #     type Public = AccountFact;
    /// #     const NAME: &'static str = "accounts-out";
    /// #     fn source(&self) -> String { "/bank".to_owned() }
    /// #     fn places(&self) -> Vec<Address> { vec![Address::new("accounts")] }
    /// #     fn publish(&self, event: &Recorded<AccountEvent>) -> Vec<AccountFact> {
    /// #         let AccountEvent::Deposited { cents } = event.data;
    /// #         vec![AccountFact::MoneyCame { cents }]
    /// #     }
    /// # }
    /// /// What another service keeps of it.
    /// #[derive(ReadModel, Clone)]
    /// #[read_model(table = "riches")]
    /// struct Rich { #[key] account: u32, cents: i64 }
    ///
    /// struct Riches;
    ///
    /// impl Projection for Riches {
    ///     type Event = AccountFact;
    ///     type Row = Rich;
    ///
    ///     fn fold(&self, account: &u32, row: &mut Option<Rich>, event: &Recorded<AccountFact>) {
    ///         let AccountFact::MoneyCame { cents } = event.data;
    ///         row.get_or_insert(Rich { account: *account, cents: 0 }).cents += cents;
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = MemoryBroker::default();
    /// let bank = Annals::open("memory:").await?.publish(Accounts, Arc::new(broker.clone())).start().await?;
    /// // A service of its own, with a database of its own.
    /// let accounts = Inbound::new("taxes", broker.source(["accounts"]));
    /// let taxes = Annals::open("memory:").await?.project_from(&accounts, Riches).start().await?;
    ///
    /// bank.execute(&7, |account: &Account| account.deposit(500)).await?;
    /// while taxes.read::<Rich>().get(&7).await?.is_none_or(|rich| rich.cents < 500) {
    ///     tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    /// }
    /// # bank.shutdown().await;
    /// # taxes.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn project_from<P: Projection>(
        mut self,
        inbound: &annals_outbox::Inbound,
        projection: P,
    ) -> Self {
        self.refused = self.refused.or(inbound.check().err());
        let definition = Definition::projection(projection, Mode::Async);
        let inflow = inbound.inflow(definition.event_types());
        self.projections.push(definition.receiving(inflow, inbound.parts()));
        self
    }

    /// Runs a handler with SQL of its own by the messages of a broker: see
    /// [`project_from`](Self::project_from).
    pub fn handle_from<H: EventHandler>(
        mut self,
        inbound: &annals_outbox::Inbound,
        handler: H,
    ) -> Self {
        self.refused = self.refused.or(inbound.check().err());
        let definition = Definition::handler(handler, Mode::Async);
        let inflow = inbound.inflow(definition.event_types());
        self.projections.push(definition.receiving(inflow, inbound.parts()));
        self
    }

    /// Has effects outside of the store for the messages of a broker: see [`Subscriber`]. A message that
    /// comes again after its effect was noted is absorbed.
    pub fn subscriber_from<S: Subscriber>(
        mut self,
        inbound: &annals_outbox::Inbound,
        subscriber: S,
    ) -> Self {
        self.refused = self.refused.or(inbound.check().err());
        let definition = SubscriberDefinition::of(subscriber);
        let inflow = inbound.inflow(definition.consumer.filter.event_types.clone());
        self.subscribers.push(definition.receiving(inflow, inbound.parts()));
        self
    }

    /// Answers requests that come as messages: see [`Answer`](annals_outbox::Answer). Whoever answers is made
    /// with the journal of this program, for the commands that it executes.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// use annals::example::*;
    /// use annals::outbox::{Address, Answer, Asked, Inbound, MemoryBroker, RequestOptions, Requester};
    /// use annals::{Annals, ConsumeError, ErrorKind, Journal, async_trait};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Deposit { account: u32, cents: i64 }
    ///
    /// struct Deposits { journal: Journal }
    ///
    /// #[async_trait]
    /// impl Answer for Deposits {
    ///     type Request = Deposit;
    ///     /// The version of the account.
    ///     type Reply = u64;
    ///     const NAME: &'static str = "deposits";
    ///
    ///     async fn answer(&self, request: &Asked<Deposit>) -> Result<u64, ConsumeError> {
    ///         let Deposit { account, cents } = request.data;
    ///         // However often it is asked, and after a restart, too: the same id has its effect once.
    ///         let deposit = self.journal.execute(&account, |account: &Account| account.deposit(cents));
    ///         let receipt = deposit.idempotency_key(&request.id).fingerprint(request.body()).await;
    ///         receipt.map(|receipt| receipt.version.get()).map_err(|error| match error.kind() {
    ///             // Whoever asks is told.
    ///             ErrorKind::Refused | ErrorKind::Invalid => ConsumeError::poison(error.to_string()),
    ///             _ => ConsumeError::retry(error.to_string()),
    ///         })
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let broker = MemoryBroker::default();
    /// let requests = Inbound::new("bank", broker.source(["deposits"]));
    /// let bank = Annals::open("memory:").await?;
    /// let bank = bank.answer(&requests, Arc::new(broker.clone()), |journal| Deposits { journal: journal.clone() });
    /// let bank = bank.start().await?;
    ///
    /// // Another service, with a lane of its own for replies.
    /// let replies = broker.source(["replies.shop"]);
    /// let shop = Requester::new(
    ///     Arc::new(broker.clone()), replies, Address::new("replies.shop"), RequestOptions::named("shop"),
    /// );
    /// let (to, deposit) = (Address::new("deposits"), Deposit { account: 7, cents: 500 });
    /// let version: u64 = shop.ask(&to, &deposit, Duration::from_secs(5)).await?;
    /// assert_eq!(version, 1);
    /// assert_eq!(bank.load::<Account>(&7).await?.state.cents, 500);
    /// # bank.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn answer<A: annals_outbox::Answer>(
        mut self,
        inbound: &annals_outbox::Inbound,
        publisher: Arc<dyn annals_outbox::Publisher>,
        answerer: impl FnOnce(&Journal) -> A + Send + Sync + 'static,
    ) -> Self {
        let inbound = inbound.clone();
        self.late.push(Box::new(move |journal| {
            vec![annals_outbox::responder(answerer(journal), &inbound, publisher)]
        }));
        self
    }
}
