//! The place of a broker that a task sends messages to, or receives them from.

use annals::Uuid;

use crate::Failure;
use crate::domain::{Movement, account};
use crate::limit::brokers::{ByHand, Event, Sealed, connect};
use crate::place::Target;
use crate::task::{Task, Work, spread};

/// How many messages are made at once.
const CHUNK: u64 = 10_000;

impl Task {
    /// The broker, and a place there of this side and round alone.
    pub(crate) fn place(&self) -> Result<(&str, String), Failure> {
        let (Some(url), Target::Postgres { schema, .. }) = (&self.broker, &self.target) else {
            return Err("messages need a --broker and a --store postgres://…".into());
        };
        Ok((url, format!("{schema}_{}", self.round)))
    }

    /// The hand-written program's way there.
    pub(crate) async fn by_hand(&self) -> Result<Box<dyn ByHand>, Failure> {
        let (url, place) = self.place()?;
        connect(url, &place).await
    }

    /// Makes the place, with the messages in it that the work takes in.
    pub(crate) async fn prepare_place(&self) -> Result<(), Failure> {
        if !self.work.sends() {
            return Ok(());
        }
        let mut broker = self.by_hand().await?;
        broker.make().await?;
        if self.work != Work::Consume {
            return Ok(());
        }
        let (accounts, each) = spread(self.events);
        let mut rest = 0..accounts * each;
        while !rest.is_empty() {
            let chunk = rest.by_ref().take(CHUNK as usize).map(|n| message(accounts, n));
            broker.send(chunk.collect::<Result<_, Failure>>()?).await?;
        }
        Ok(())
    }

    pub(crate) async fn remove_place(&self) -> Result<(), Failure> {
        self.by_hand().await?.remove().await
    }

    /// Whether so many messages came, each later than those before it in its stream; removes the place.
    pub(crate) async fn check_messages(&self, wanted: u64) -> Result<(), Failure> {
        let mut broker = self.by_hand().await?;
        let mut versions = std::collections::HashMap::new();
        let mut came = 0;
        while came < wanted {
            let bodies = broker.receive().await?;
            if bodies.is_empty() {
                return Err(format!("{came} of {wanted} messages are there").into());
            }
            for body in bodies {
                let event = Event::read(&body)?;
                let before = versions.insert(event.account, event.version).unwrap_or(0);
                if event.version != before + 1 {
                    let account = event.account;
                    let version = event.version;
                    return Err(format!("{account}: {version} came after {before}").into());
                }
                came += 1;
            }
            broker.acknowledge().await?;
        }
        broker.remove().await
    }
}

/// As the accounts' relay would send it: they take turns.
fn message(accounts: u64, n: u64) -> Result<Sealed, Failure> {
    let stream = format!("account-{}", account(n % accounts));
    let data = serde_json::to_string(&Movement::number(n))?;
    Sealed::new(Uuid::now_v7(), &stream, n / accounts + 1, "2026-11-28T09:30:00.000000Z", &data)
}
