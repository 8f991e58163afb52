//! Seeing and steering consumers from outside of the programs that run them: plain data in and out.

mod lag;
mod waiting;

use std::collections::BTreeMap;

use annals_core::Position;
use annals_core::store::{StoreError, TransactExt, Workspace};
use annals_core::table::{Comparison, Condition, Direction, RowQuery, Value};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::member::{ANSWERED, OPEN, REFUSED};
use crate::records::{
    ConsumerRecord, Json, MemberRecord, ParkedItem, ParkedKey, PartitionRecord, Record,
    RequestRecord, list, load, put,
};

pub use lag::{Lag, lag};
pub use waiting::{Waiting, waiting};

/// A process that runs consumers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its id, fresh for every start.
    pub id: Uuid,
    /// What people call it.
    pub label: String,
    /// Whether it was heard of in time.
    pub alive: bool,
    /// Whether it is stopping.
    pub stopping: bool,
    /// Its consumers and their versions.
    pub consumers: BTreeMap<String, u32>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was heard of last, by the store's clock.
    pub seen_at: Timestamp,
    /// When it counts as dead unless it is heard of again.
    pub expires_at: Timestamp,
}

/// One part of a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Partition {
    /// The generation.
    pub generation: u64,
    /// The cut.
    pub epoch: u64,
    /// The part, from 0.
    pub part: u32,
    /// The version of the program that may work on it.
    pub version: u32,
    /// Its first slice.
    pub first_slice: u16,
    /// The slice after its last.
    pub end_slice: u16,
    /// Its checkpoint.
    pub position: Position,
    /// Where it ends, if it has been cut anew.
    pub ends_at: Option<Position>,
    /// Who works on it.
    pub owner: Option<String>,
    /// Who had it and is dead, until another takes it over.
    pub left_by: Option<Uuid>,
    /// What it is doing.
    pub state: String,
    /// On what it waits, or what went wrong.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// How a consumer is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerStatus {
    /// Its name.
    pub name: String,
    /// What it is: `projection`, `handler`, `subscriber`.
    pub kind: String,
    /// The newest version that was started.
    pub version: u32,
    /// The generation that serves.
    pub generation: u64,
    /// What becomes of an event that fails.
    pub on_failure: String,
    /// Who paused it and why, if it is.
    pub paused_by: Option<String>,
    /// The least of its serving partitions' checkpoints.
    pub position: Position,
    /// How many keys are parked.
    pub parked_keys: u64,
    /// Its partitions that have not come to their end.
    pub partitions: Vec<Partition>,
    /// What is wrong with it, if something is: nobody works on a part, a part stands still, keys are
    /// parked.
    pub trouble: Vec<String>,
}

/// A key that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// The consumer.
    pub consumer: String,
    /// The generation.
    pub generation: u64,
    /// The key.
    pub key: String,
    /// The first event that waits.
    pub position: Position,
    /// Its type.
    pub event_type: String,
    /// Why it failed last.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it has been parked.
    pub since: Timestamp,
    /// When it is tried again; none means that a person must act.
    pub next_attempt: Option<Timestamp>,
    /// How many events wait behind it.
    pub events: u64,
}

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
            Self::Other(verb, _) => verb,
        }
    }

    fn arguments(&self) -> String {
        match self {
            Self::Pause | Self::Resume => "{}".to_owned(),
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

fn of_consumer(consumer: &str) -> Condition {
    Condition {
        column: "consumer",
        comparison: Comparison::Equal,
        value: Value::Text(consumer.to_owned()),
    }
}

/// What the store's clock shows.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn now(work: &dyn Workspace) -> Result<Timestamp, StoreError> {
    work.transact_with(|transaction| Box::pin(async move { transaction.now().await })).await
}

/// The processes that run consumers.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn members(work: &dyn Workspace) -> Result<Vec<Member>, StoreError> {
    let now = now(work).await?;
    let records = list::<MemberRecord>(work, &RowQuery::default()).await?;
    let read = |record: MemberRecord| Member {
        alive: record.expires_at > now,
        consumers: serde_json::from_str(&record.consumers.0).unwrap_or_default(),
        id: record.id,
        label: record.label,
        stopping: record.stopping,
        started_at: record.started_at,
        seen_at: record.seen_at,
        expires_at: record.expires_at,
    };
    Ok(records.into_iter().map(read).collect())
}

/// Where a generation of a consumer stands: the least of the checkpoints of its partitions. `None` when
/// it has none.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn position(
    work: &dyn Workspace,
    consumer: &str,
    generation: u64,
) -> Result<Option<Position>, StoreError> {
    let generation = Condition {
        column: "generation",
        comparison: Comparison::Equal,
        value: Value::Integer(generation.cast_signed()),
    };
    let conditions = vec![of_consumer(consumer), generation];
    let query = RowQuery { conditions, ..RowQuery::default() };
    let mut least = None;
    for part in list::<PartitionRecord>(work, &query).await?.iter().filter(|part| !part.is_done()) {
        let Some(position) = work.checkpoint(&part.id().checkpoint()).await? else { continue };
        least = Some(least.map_or(position, |least: Position| least.min(position)));
    }
    Ok(least)
}

/// How every consumer is doing that the store knows.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn consumers(work: &dyn Workspace) -> Result<Vec<ConsumerStatus>, StoreError> {
    statuses(work, Vec::new(), Vec::new()).await
}

/// How one consumer is doing; `None` if the store does not know it.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn consumer(
    work: &dyn Workspace,
    name: &str,
) -> Result<Option<ConsumerStatus>, StoreError> {
    let named = Condition { column: "name", ..of_consumer(name) };
    Ok(statuses(work, vec![named], vec![of_consumer(name)]).await?.into_iter().next())
}

async fn statuses(
    work: &dyn Workspace,
    named: Vec<Condition>,
    of_consumer_named: Vec<Condition>,
) -> Result<Vec<ConsumerStatus>, StoreError> {
    let members: BTreeMap<Uuid, Member> =
        members(work).await?.into_iter().map(|member| (member.id, member)).collect();
    let all = RowQuery::default();
    let only = |conditions| RowQuery { conditions, ..RowQuery::default() };
    let known = list::<ConsumerRecord>(work, &only(named)).await?;
    let records = list::<PartitionRecord>(work, &only(of_consumer_named)).await?;
    let mut statuses = Vec::new();
    for consumer in known {
        let parked = RowQuery { conditions: vec![of_consumer(&consumer.name)], ..all.clone() };
        let parked_keys = work.count_rows(ParkedKey::table(), &parked).await?;
        let mut partitions = Vec::new();
        let mut trouble = Vec::new();
        let own = records.iter().filter(|record| record.consumer == consumer.name);
        let own: Vec<&PartitionRecord> = own.filter(|record| !record.is_done()).collect();
        for record in &own {
            // Its checkpoint goes with it.
            let Some(position) = work.checkpoint(&record.id().checkpoint()).await? else {
                continue;
            };
            let owner = record.owner.and_then(|owner| members.get(&owner));
            let owner = owner.filter(|owner| owner.alive).map(|owner| owner.label.clone());
            // What is cut anew comes to its end before the next cut begins.
            let cut_before = own
                .iter()
                .any(|other| other.generation == record.generation && other.epoch < record.epoch);
            let wanted = record.version == consumer.version && !record.is_held() && !cut_before;
            if owner.is_none() && !consumer.paused && wanted {
                trouble.push(format!("nobody works on part {}", record.part));
            }
            if let Some(reason) = &record.reason {
                trouble.push(format!("part {} is {}: {reason}", record.part, record.state));
            }
            partitions.push(Partition {
                generation: record.generation,
                epoch: record.epoch,
                part: record.part,
                version: record.version,
                first_slice: record.first_slice,
                end_slice: record.end_slice,
                position,
                ends_at: record.ends_at,
                left_by: record.owner.filter(|_| owner.is_none()),
                owner,
                state: record.state.clone(),
                reason: record.reason.clone(),
                since: record.changed_at,
            });
        }
        if parked_keys > 0 {
            trouble.push(format!("{parked_keys} keys are parked"));
        }
        let serving = partitions.iter().filter(|part| part.generation == consumer.generation);
        let position = serving.map(|part| part.position).min().unwrap_or_default();
        statuses.push(ConsumerStatus {
            name: consumer.name,
            kind: consumer.kind,
            version: consumer.version,
            generation: consumer.generation,
            on_failure: consumer.on_failure,
            paused_by: consumer.paused_by.filter(|_| consumer.paused),
            position,
            parked_keys,
            partitions,
            trouble,
        });
    }
    Ok(statuses)
}

/// Whether a key of a generation of a consumer is parked.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn is_parked(
    work: &dyn Workspace,
    (consumer, generation): (&str, u64),
    key: &str,
) -> Result<bool, StoreError> {
    let row_key = vec![
        Value::Text(consumer.to_owned()),
        Value::Integer(generation.cast_signed()),
        Value::Text(key.to_owned()),
    ];
    Ok(!work.load_rows(ParkedKey::table(), &[row_key]).await?.is_empty())
}

/// Whether everything that follows the log does so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether the store answers.
    pub live: bool,
    /// Whether every consumer is worked on and none stands still.
    pub ready: bool,
    /// What is wrong, by consumer.
    pub trouble: BTreeMap<String, Vec<String>>,
}

/// Whether everything that follows the log does so, whoever runs it. A store that does not answer is a
/// finding too, and no error.
pub async fn health(work: &dyn Workspace) -> Health {
    let consumers = match consumers(work).await {
        Ok(consumers) => consumers,
        Err(error) => {
            let trouble = BTreeMap::from([("store".to_owned(), vec![error.to_string()])]);
            return Health { live: false, ready: false, trouble };
        }
    };
    let trouble = consumers.into_iter().map(|consumer| (consumer.name, consumer.trouble));
    let trouble: BTreeMap<_, _> = trouble.filter(|(_, trouble)| !trouble.is_empty()).collect();
    Health { live: true, ready: trouble.is_empty(), trouble }
}

/// The keys of a consumer that are parked.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn parked(work: &dyn Workspace, consumer: &str) -> Result<Vec<Parked>, StoreError> {
    let query = RowQuery { conditions: vec![of_consumer(consumer)], ..RowQuery::default() };
    let mut parked = Vec::new();
    for key in list::<ParkedKey>(work, &query).await? {
        let mut conditions = vec![of_consumer(consumer)];
        let equal = |column, value| Condition { column, comparison: Comparison::Equal, value };
        conditions.push(equal("generation", Value::Integer(key.generation.cast_signed())));
        conditions.push(equal("key", Value::Text(key.key.clone())));
        let behind = RowQuery { conditions, ..RowQuery::default() };
        let events = work.count_rows(ParkedItem::table(), &behind).await?;
        parked.push(Parked {
            consumer: key.consumer,
            generation: key.generation,
            key: key.key,
            position: key.position,
            event_type: key.event_type,
            reason: key.reason,
            attempts: key.attempts,
            since: key.since,
            next_attempt: key.next_attempt,
            events,
        });
    }
    Ok(parked)
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
            request.asked_at = transaction.now().await?;
            put(transaction, &request).await
        })
    })
    .await
}

/// What became of a request.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub async fn request(work: &dyn Workspace, id: Uuid) -> Result<Option<Request>, StoreError> {
    let rows = work.load_rows(RequestRecord::table(), &[vec![Value::Uuid(id)]]).await?;
    Ok(rows.into_iter().next().map(RequestRecord::of).transpose()?.map(Request::from))
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
