//! Requests over a broker, and their replies.

mod answering;
mod asking;
mod restarts;

use std::sync::Arc;
use std::time::Duration;

use annals::outbox::{Address, Answer, Asked, Inbound, MemoryBroker, RequestOptions, Requester};
use annals::{Annals, Builder, ConsumeError, ErrorKind, Journal, async_trait};
use annals_tests::bank::Account;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};

use super::shared;
use crate::homes::quick;

/// Longer than anything takes that goes well.
const LONG: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Wish {
    Deposit {
        account: u64,
        cents: i64,
    },
    Withdraw {
        account: u64,
        cents: i64,
    },
    /// So many bytes of it.
    Statement {
        bytes: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Done {
    /// The account has this version now.
    Moved {
        version: u64,
    },
    Statement {
        text: String,
    },
}

fn deposit(account: u64, cents: i64) -> Wish {
    Wish::Deposit { account, cents }
}

/// Moves money, each wish once.
struct Teller {
    journal: Journal,
    /// How often it was asked.
    calls: Arc<watch::Sender<u64>>,
    /// Each answer takes one.
    permits: Arc<Semaphore>,
}

#[async_trait]
impl Answer for Teller {
    type Request = Wish;
    type Reply = Done;
    const NAME: &'static str = "teller";

    async fn answer(&self, request: &Asked<Wish>) -> Result<Done, ConsumeError> {
        self.calls.send_modify(|calls| *calls += 1);
        self.permits.acquire().await.map_err(ConsumeError::stop)?.forget();
        let (id, body) = (&request.id, request.body());
        let moved = match request.data {
            Wish::Deposit { account, cents } => {
                let command =
                    self.journal.execute(&account, move |state: &Account| state.deposit(cents));
                command.idempotency_key(id).fingerprint(body).await
            }
            Wish::Withdraw { account, cents } => {
                let command =
                    self.journal.execute(&account, move |state: &Account| state.withdraw(cents));
                command.idempotency_key(id).fingerprint(body).await
            }
            Wish::Statement { bytes } => {
                return Ok(Done::Statement { text: "a".repeat(bytes) });
            }
        };
        let moved = moved.map(|receipt| Done::Moved { version: receipt.version.get() });
        moved.map_err(|error| match error.kind() {
            ErrorKind::Refused | ErrorKind::Invalid => ConsumeError::poison(error.to_string()),
            _ => ConsumeError::retry(error.to_string()),
        })
    }
}

/// A broker, a teller and what is known of it.
struct Counter {
    broker: MemoryBroker,
    calls: Arc<watch::Sender<u64>>,
    permits: Arc<Semaphore>,
}

impl Counter {
    fn new() -> Self {
        Self {
            broker: MemoryBroker::default(),
            calls: Arc::new(watch::Sender::new(0)),
            permits: Arc::new(Semaphore::new(1_000)),
        }
    }

    /// Answers here.
    async fn opens(&self, program: Builder) -> Annals {
        let inbound = Inbound::new("bank", self.broker.source(["wishes"]));
        let (calls, permits) = (self.calls.clone(), self.permits.clone());
        let program = program.answer(&inbound, shared(&self.broker), |journal| Teller {
            journal: journal.clone(),
            calls,
            permits,
        });
        program.engine_options(quick()).start().await.expect("it starts")
    }

    fn calls(&self) -> u64 {
        *self.calls.borrow()
    }

    async fn called(&self, times: u64) {
        let mut calls = self.calls.subscribe();
        calls.wait_for(|calls| *calls >= times).await.expect("the sender is here");
    }
}

fn wishes() -> Address {
    Address::new("wishes")
}

fn lane(name: &str) -> Address {
    Address::new(format!("replies.{name}"))
}

/// Asks under a name, with a lane of that name.
fn requester(broker: &MemoryBroker, name: &str) -> Requester {
    requester_with(broker, RequestOptions::named(name))
}

fn requester_with(broker: &MemoryBroker, options: RequestOptions) -> Requester {
    let replies = lane(&options.name);
    Requester::new(shared(broker), broker.source([replies.name.clone()]), replies, options)
}

/// How often something happened to an account.
async fn events(bank: &Annals, account: u64) -> u64 {
    bank.load::<Account>(&account).await.expect("it can be read").state.events
}

/// Looks until it is so, which ends with the story at the latest.
async fn until(so: impl AsyncFn() -> bool) {
    while !so().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
