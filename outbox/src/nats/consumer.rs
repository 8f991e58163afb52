//! Durable consumers of JetStream.

use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::errors::{self, Trouble};
use super::group::Claim;
use super::live::Live;

/// After how long the server would send a message again by itself. A receiver that takes longer has lost its
/// lane, or acknowledges in the end.
const ACK_WAIT: Duration = Duration::from_secs(24 * 3600);

/// How many messages of a lane may be with the receiver and not acknowledged.
pub(super) const MAX_UNACKNOWLEDGED: usize = 65_536;

/// What the server tells about a consumer. One that is just being deleted has nothing of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConsumerInfo {
    name: Option<String>,
    config: Start,
    ack_floor: Floor,
    pub(super) num_pending: u64,
    pub(super) num_ack_pending: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Start {
    opt_start_seq: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Floor {
    stream_seq: u64,
}

impl ConsumerInfo {
    /// Up to where it has acknowledged; one that has not begun says where it was to begin.
    pub(super) fn floor(&self) -> u64 {
        self.config.opt_start_seq.saturating_sub(1).max(self.ack_floor.stream_seq)
    }
}

/// What there is to know of a consumer; `None` if it is not there.
pub(super) async fn info(
    live: &Live,
    stream: &str,
    consumer: &str,
) -> Result<Option<ConsumerInfo>, Trouble> {
    let what = format!("tell about the consumer `{consumer}`");
    let subject = format!("CONSUMER.INFO.{stream}.{consumer}");
    let missing = ErrorCode::CONSUMER_NOT_FOUND;
    let info = live.api_unless::<ConsumerInfo>(missing, &what, &subject, &json!({})).await?;
    Ok(info.filter(|info| info.name.is_some()))
}

/// Makes one that begins with this number of the stream.
pub(super) async fn make(
    live: &Live,
    claim: Claim<'_>,
    name: &str,
    first: u64,
) -> Result<ConsumerInfo, Trouble> {
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        description: Some(format!("group {} of Annals, {}", claim.group, claim.filter)),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: first },
        ack_policy: AckPolicy::All,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: i64::try_from(MAX_UNACKNOWLEDGED).unwrap_or(i64::MAX),
        filter_subject: claim.filter.to_owned(),
        ..pull::Config::default()
    };
    let what = format!("make the consumer `{name}`");
    let subject = format!("CONSUMER.CREATE.{}.{name}.{}", claim.stream, claim.filter);
    let body = json!({ "stream_name": claim.stream, "config": config });
    let made = live.api(&what, &subject, &body).await?;
    made.map_err(|error| errors::api_error(&what, &error))
}

/// Deletes one, if it is there.
pub(super) async fn delete(live: &Live, stream: &str, consumer: &str) -> Result<(), Trouble> {
    let what = format!("delete the consumer `{consumer}`");
    let subject = format!("CONSUMER.DELETE.{stream}.{consumer}");
    let missing = ErrorCode::CONSUMER_NOT_FOUND;
    let gone = live.api_unless::<IgnoredAny>(missing, &what, &subject, &json!({})).await?;
    if gone.is_none() {
        tracing::debug!(consumer, "somebody else has deleted it");
    }
    Ok(())
}
