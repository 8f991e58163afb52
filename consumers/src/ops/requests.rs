//! Asking whoever runs a consumer for something.

use annals_core::Position;
use annals_core::store::{StoreError, TransactExt, Transaction, Workspace};
use annals_core::table::{Comparison, Condition, Direction, RowQuery, Value};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::member::{ANSWERED, OPEN, REBUILD_KEY, REFUSED, REPLAY, lock};
use crate::records::{Json, Record, RequestRecord, list, load, of_consumer, put, read};

/// What is wanted of whoever runs a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Work on nothing until told to go on. It survives restarts.
    Pause,
    /// Go on.
    Resume,
    /// Try these parked keys now.
    Retry(Vec<String>),
    /// Throw away what waits behind these parked keys: it never has its effect.
    Discard(Vec<String>),
    /// Cut it into so many partitions.
    Repartition(u32),
    /// Make the rows of one key anew from its history, in the read model that serves. The key is the id of
    /// streams, such as `17` for `order-17`.
    RebuildKey(String),
    /// Say what a rebuild would do, and do nothing.
    RebuildDryRun,
    /// Send once more what a relay has sent, from this position of the log on. The ids are the same.
    Replay(Position),
    /// Something that only consumers of its kind know, such as `rebuild`, with its details as JSON.
    Other(String, String),
}

impl Ask {
    fn verb(&self) -> &str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry(_) => "retry",
            Self::Discard(_) => "discard",
            Self::Repartition(_) => "repartition",
            Self::RebuildKey(_) => REBUILD_KEY,
            Self::RebuildDryRun => "rebuild-dry-run",
            Self::Replay(_) => REPLAY,
            Self::Other(verb, _) => verb,
        }
    }

    fn arguments(&self) -> String {
        match self {
            Self::Pause | Self::Resume | Self::RebuildDryRun => "{}".to_owned(),
            Self::Replay(from) => serde_json::json!({ "from": from.get() }).to_string(),
            Self::RebuildKey(key) => serde_json::json!({ "key": key }).to_string(),
            Self::Retry(keys) | Self::Discard(keys) => {
                serde_json::json!({ "keys": keys }).to_string()
            }
            Self::Repartition(partitions) => {
                serde_json::json!({ "partitions": partitions }).to_string()
            }
            Self::Other(_, arguments) => arguments.clone(),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Its id.
    pub id: Uuid,
    /// The consumer.
    pub consumer: String,
    /// What is wanted.
    pub verb: String,
    /// The details.
    pub arguments: serde_json::Value,
    /// Who wants it.
    pub who: String,
    /// Why.
    pub why: String,
    /// `open`, `taken`, `done` or `refused`.
    pub state: String,
    /// Which member carries it out.
    pub taken_by: Option<Uuid>,
    /// What came of it, or why not.
    pub answer: Option<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
}

impl Request {
    /// Whether it was carried out or refused.
    pub fn is_over(&self) -> bool {
        self.answered_at.is_some()
    }

    /// Whether it was refused.
    pub fn is_refused(&self) -> bool {
        self.state == REFUSED
    }
}

impl From<RequestRecord> for Request {
    fn from(record: RequestRecord) -> Self {
        Self {
            id: record.id,
            consumer: record.consumer,
            verb: record.verb,
            arguments: serde_json::from_str(&record.arguments.0).unwrap_or_default(),
            who: record.who,
            why: record.why,
            state: record.state,
            taken_by: record.taken_by,
            answer: record.answer,
            asked_at: record.asked_at,
            answered_at: record.answered_at,
        }
    }
}

/// Asks whoever runs a consumer for something, and returns the id of the request. It stays there until
/// it is carried out or refused, over restarts too.
///
/// # Errors
/// [`StoreError::Invalid`] when the store knows no such consumer, or what it runs into.
pub async fn ask(
    work: &dyn Workspace,
    consumer: &str,
    ask: &Ask,
    (who, why): (&str, &str),
) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    ask_once(work, id, consumer, ask, (who, why)).await?;
    Ok(id)
}

/// Asks with an id of one's own. The same id again is the same request: for whoever cannot know whether
/// it was asked.
///
/// # Errors
/// As [`ask`].
pub async fn ask_once(
    work: &dyn Workspace,
    id: Uuid,
    consumer: &str,
    ask: &Ask,
    (who, why): (&str, &str),
) -> Result<(), StoreError> {
    let request = RequestRecord {
        id,
        consumer: consumer.to_owned(),
        verb: ask.verb().to_owned(),
        arguments: Json(ask.arguments()),
        who: who.to_owned(),
        why: why.to_owned(),
        asked_at: Timestamp::UNIX_EPOCH,
        state: OPEN.to_owned(),
        taken_by: None,
        answer: None,
        answered_at: None,
    };
    work.transact_with(move |transaction| {
        let mut request = request.clone();
        Box::pin(async move {
            lock(transaction, &request.consumer).await?;
            if crate::member::consumer(transaction, &request.consumer).await?.is_none() {
                let why = format!(
                    "the store knows no consumer `{}`: no program has run it here",
                    request.consumer
                );
                return Err(StoreError::Invalid { why });
            }
            if load::<RequestRecord>(transaction, request.key()).await?.is_some() {
                return Ok(());
            }
            request.asked_at = behind_the_last(transaction, &request.consumer).await?;
            put(transaction, &request).await
        })
    })
    .await
}

/// The time now, and in any case behind what was asked of the consumer before: the store's clock may have been
/// set back, and a pause must not come after the resume that was asked for later.
async fn behind_the_last(
    transaction: &mut dyn Transaction,
    consumer: &str,
) -> Result<Timestamp, StoreError> {
    let query = RowQuery {
        conditions: vec![of_consumer(consumer)],
        order: vec![("asked_at", Direction::Descending)],
        limit: 1,
        ..RowQuery::default()
    };
    let now = transaction.now().await?;
    let last = transaction.query_rows(RequestRecord::table(), &query).await?.pop();
    // One that cannot be read keeps nobody from asking.
    let last = last.and_then(|row| read::<RequestRecord>(row).ok());
    let moment = SignedDuration::from_micros(1);
    let behind = last.and_then(|last| last.asked_at.checked_add(moment).ok());
    Ok(behind.map_or(now, |behind| behind.max(now)))
}

/// What became of a request.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn request(work: &dyn Workspace, id: Uuid) -> Result<Option<Request>, StoreError> {
    let rows = work.load_rows(RequestRecord::table(), &[vec![Value::Uuid(id)]]).await?;
    Ok(rows.into_iter().next().map(read::<RequestRecord>).transpose()?.map(Request::from))
}

/// The requests that are neither carried out nor refused, the oldest first.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn open_requests(work: &dyn Workspace) -> Result<Vec<Request>, StoreError> {
    let not = |state: &str| Condition {
        column: "state",
        comparison: Comparison::NotEqual,
        value: Value::Text(state.to_owned()),
    };
    let conditions = vec![not(ANSWERED), not(REFUSED)];
    let order = vec![("asked_at", Direction::Ascending)];
    let query = RowQuery { conditions, order, ..RowQuery::default() };
    let records = list::<RequestRecord>(work, &query).await?;
    Ok(records.into_iter().map(Request::from).collect())
}

/// The last requests, the newest first.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn requests(work: &dyn Workspace, limit: u32) -> Result<Vec<Request>, StoreError> {
    let order = vec![("asked_at", Direction::Descending)];
    let query = RowQuery { order, limit, ..RowQuery::default() };
    let records = list::<RequestRecord>(work, &query).await?;
    Ok(records.into_iter().map(Request::from).collect())
}
