//! NATS JetStream.
//!
//! **Stored** means that the leader of the stream has the message, and with replicas that most of its servers
//! have it. A server alone has it in its operating system's memory by then, and on its disk within two minutes
//! (`sync_interval`): it survives `kill -9`, and a power failure only with `sync_interval: always` or replicas.
//! A stream in memory survives neither. A message that is sent again within the stream's window for repetitions
//! (2 minutes if nobody says otherwise) is recognized by its id and stored once; one id with two bodies is refused.
//!
//! A place is a **subject**; a **stream** stores what is sent to its subjects, and it is declared
//! ([`NatsOptions::declare`]) or only checked. A message's key travels in the header `annals-key`, attributes of
//! CloudEvents under `ce-`.
//!
//! A **lane** is a subject of the stream, or a filter of subjects. A **group** has one durable consumer a lane,
//! which keeps how far it has got; any number of groups read the same stream. Whoever opens a lane makes a new
//! consumer behind what was acknowledged and deletes the one before: what was not acknowledged comes again at
//! once, in order, and a receiver that comes back late acknowledges to nobody.
//!
//! Connections are made when they are needed and given up as a whole: nothing that was meant for one is sent over
//! the next.
//!
//! ```no_run
//! use annals_outbox::nats::{NatsOptions, NatsPublisher, NatsSource, NatsStream};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let options = NatsOptions::new("nats://shop:secret@10.0.0.7:4222")
//!     .declare(NatsStream::new("SHOP", ["shop.>"]).replicas(3));
//! let publisher = NatsPublisher::connect(options.clone()).await?;
//! let source = NatsSource::connect(options, "SHOP", ["shop.orders", "shop.payments"]).await?;
//! # drop((publisher, source));
//! # Ok(())
//! # }
//! ```

mod answers;
mod consumer;
mod delivery;
mod errors;
mod group;
mod headers;
mod lane;
mod link;
mod live;
mod options;
mod percent;
mod publisher;
mod receiver;
mod source;
mod stream;
mod subject;
mod tls;
mod url;
mod watchdog;

pub use crate::InvalidOptions;
pub use options::NatsOptions;
pub use publisher::NatsPublisher;
pub use source::NatsSource;
pub use stream::NatsStream;
