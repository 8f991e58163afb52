//! Redis: messages in streams, and for listeners that may miss some, in channels of Pub/Sub.
//!
//! - [`RedisPublisher`] appends to streams. The place of a route is the name of a stream.
//! - [`RedisSource`] receives streams, each a lane, for consumer groups.
//! - [`RedisPubSub`] sends to channels, where nothing is stored.
//!
//! # What "stored" means
//! The server has the message, as safely as its settings say. With `appendonly yes` and `appendfsync always`
//! it is on the disk before it is answered; with `everysec`, the default, a crash of the machine loses up to a
//! second of messages that were answered; without `appendonly`, a crash loses all since the last snapshot.
//! A replica may lack them when it takes over. [`RedisSafety`] waits for replicas (`WAIT`) or for disks
//! (`WAITAOF`), which makes a loss rare, and not impossible: Redis has no quorum.
//!
//! A message that is sent again within [`repeats_within`](RedisOptions::repeats_within) is
//! [`Repeated`](crate::Published::Repeated) and not stored again; another message of the same id is refused.
//! A script in the server does that in one step with the append: for each id it keeps, beside the stream, a
//! key `STREAM:id:ID`, which goes away by itself.
//!
//! # Lanes and groups
//! A stream is a lane, so a route has to send all messages of a key to one stream. A group is a consumer group
//! of each stream. It belongs to this crate alone: what other consumers of it have not acknowledged is taken
//! over. What was delivered and not acknowledged stands under one consumer, `annals`. Who may receive stands
//! there as another, `receiver-…`, a number that only grows: [`open`](crate::Source::open) writes the next one,
//! and reading and acknowledging are scripts that look at it first, in one step. So an old receiver that
//! comes back can neither take messages nor acknowledge any. `XREADGROUP` with `BLOCK` is not used: the server
//! would go on to give messages to a connection whose process is frozen. News are waited for by `XREAD`, on
//! a connection of its own, and then read.
//!
//! # Gaps
//! Streams are trimmed (`MAXLEN`, `XTRIM`) whether groups have had the entries or not. Before each read a
//! receiver compares how many entries the stream has lost with how many the group has had, and says what is
//! missing, once, as [`Gap`](crate::ReceiveError::Gap). Entries that were deleted one by one (`XDEL`) are
//! noticed when they had been delivered; else only as far as Redis counts them.
//!
//! Redis 7.0 or newer, or Valkey. One server, or the primary of a replicated one under a name or an address
//! that leads to it. Neither Sentinel nor Cluster is asked.

mod advice;
mod connection;
mod entry;
mod errors;
mod failure;
mod lane;
mod link;
mod news;
mod options;
mod publisher;
mod pubsub;
mod receiver;
mod safety;
mod scripts;
mod settings;
mod source;
mod tls;
mod url;

pub use crate::InvalidOptions;
pub use options::{RedisOptions, RedisRoots, RedisSafety, RedisStart};
pub use publisher::RedisPublisher;
pub use pubsub::RedisPubSub;
pub use source::RedisSource;
