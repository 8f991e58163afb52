//! Events that concern keys which are none of their own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use annals_core::store::{TableStore, TransactExt, Transaction};
use annals_core::table::{ColumnSpec, ColumnType, TableSpec, Value};
use annals_core::{Position, RecordedEvent};
use async_trait::async_trait;

use super::stage::Stage;
use crate::cut::stands_readable;
use crate::records::put;
use crate::{
    Concerned, Concerns, Consume, ConsumeError, Consumer, Handler, PartitionRecord, Target, Until,
    Wrote, ops,
};

/// Keys that fail, keys that nobody waits under, and whether it can be said whom `?` concerns.
#[derive(Default)]
struct Moods {
    failing: BTreeSet<String>,
    gone: BTreeSet<String>,
    /// Keys of which it is noticed only before they are written that nobody waits under them.
    gone_late: BTreeSet<String>,
    is_known: bool,
}

type Shared = Arc<Mutex<Moods>>;

/// `thing-1.2.3` concerns 1, 2 and 3; `thing-?` nobody knows whom, and later 1 and 2.
struct Listed(Shared);

impl Concerns for Listed {
    fn keys(&self, event: &RecordedEvent) -> Result<Vec<String>, ConsumeError> {
        let id = match event.stream.id() {
            "?" if !self.0.lock().expect("no panic").is_known => panic!("nobody knows"),
            "?" => "1.2",
            id => id,
        };
        Ok(id.split('.').map(str::to_owned).collect())
    }
}

struct Notes(Shared);

#[async_trait]
impl Handler for Notes {
    async fn open(&self, _: &PartitionRecord) -> Result<Target, ConsumeError> {
        let noting = Noting { moods: self.0.clone(), taken: Vec::new() };
        Ok(Target::Transactional(Box::new(noting)))
    }
}

struct Noting {
    moods: Shared,
    taken: Vec<Concerned>,
}

#[async_trait]
impl Consume for Noting {
    async fn take(&mut self, _: Vec<RecordedEvent>) -> Result<(), ConsumeError> {
        Err(ConsumeError::stop("it wants keys"))
    }

    async fn take_for(&mut self, events: Vec<Concerned>) -> Result<(), ConsumeError> {
        let moods = self.moods.lock().expect("no panic");
        for key in events.iter().flat_map(|one| &one.keys) {
            if key.starts_with("stream") {
                return Err(ConsumeError::poison("nobody knows"));
            }
            if moods.failing.contains(key) {
                return Err(ConsumeError::retry(format!("{key} fails")));
            }
            if moods.gone.contains(key) {
                return Err(ConsumeError::stray(format!("{key} is gone")));
            }
        }
        self.taken.extend(events);
        Ok(())
    }

    fn pending(&self) -> usize {
        self.taken.len()
    }

    async fn prepare(&mut self) -> Result<(), ConsumeError> {
        let moods = self.moods.lock().expect("no panic");
        let mut keys = self.taken.iter().flat_map(|one| &one.keys);
        match keys.find(|key| moods.gone_late.contains(*key)) {
            Some(key) => Err(ConsumeError::stray(format!("{key} is gone"))),
            None => Ok(()),
        }
    }

    async fn write(
        &mut self,
        transaction: &mut dyn Transaction,
        _: &Until,
    ) -> Result<Wrote, ConsumeError> {
        for Concerned { event, keys } in &self.taken {
            let position = event.position.get().cast_signed();
            let row = |key: &String| vec![Value::Text(key.clone()), Value::Integer(position)];
            transaction.upsert_rows(&table(), &keys.iter().map(row).collect::<Vec<_>>()).await?;
        }
        Ok(Wrote::All)
    }

    fn written(&mut self) {
        self.taken.clear();
    }

    fn forget(&mut self) {
        self.taken.clear();
    }
}

fn table() -> TableSpec {
    let columns = vec![
        ColumnSpec::new("key", ColumnType::Text, false),
        ColumnSpec::new("position", ColumnType::Integer, false),
    ];
    TableSpec::own("annals_test_keys", columns, vec![0, 1])
}

fn consumer(stage: &Stage, moods: &Shared) -> Consumer {
    Consumer {
        concerns: Some(Arc::new(Listed(moods.clone()))),
        handler: Arc::new(Notes(moods.clone())),
        ..stage.rows("keys")
    }
}

/// The positions that a key was told.
async fn told(stage: &Stage, key: &str) -> Vec<i64> {
    let rows = stage.store.query_rows(&table(), &Default::default()).await.unwrap_or_default();
    let mut positions: Vec<i64> = rows
        .into_iter()
        .filter(|row| row[0] == Value::Text(key.to_owned()))
        .map(|row| match row[1] {
            Value::Integer(position) => position,
            ref other => panic!("{other:?}"),
        })
        .collect();
    positions.sort_unstable();
    positions
}

async fn parked(stage: &Stage) -> Vec<(String, u64)> {
    let parked = ops::parked(&stage.store, "keys").await.expect("readable");
    parked.into_iter().map(|parked| (parked.key, parked.events)).collect()
}

async fn stage() -> Stage {
    let stage = Stage::new();
    stage.cut("keys", 3).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_holds_nothing_up_but_itself() {
    let (stage, moods) = (stage().await, Shared::default());
    moods.lock().expect("no panic").failing.insert("7".to_owned());
    let fifty: Vec<String> = (0..50).map(|key| key.to_string()).collect();
    stage.append(&format!("thing-{}", fifty.join("."))).await;
    stage.append("thing-7.8").await;
    stage.append("thing-7").await;
    let engine = stage.engine(vec![consumer(&stage, &moods)], "a");
    stage.until("the others", async || told(&stage, "8").await == [1, 2]).await;
    stage.until("49 of 50", async || told(&stage, "49").await == [1]).await;
    stage.until("what waits", async || parked(&stage).await == [("7".to_owned(), 3)]).await;
    assert_eq!(told(&stage, "7").await, [0; 0]);
    moods.lock().expect("no panic").failing.clear();
    stage.until("all of it", async || told(&stage, "7").await == [1, 2, 3]).await;
    stage.until("no key that waits", async || parked(&stage).await.is_empty()).await;
    stage.append("thing-7").await;
    stage.until("what comes later", async || told(&stage, "7").await == [1, 2, 3, 4]).await;
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whom_an_event_concerns_may_be_said_later() {
    let (stage, moods) = (stage().await, Shared::default());
    stage.append("thing-?").await;
    stage.append("thing-1").await;
    stage.append("thing-?").await;
    let engine = stage.engine(vec![consumer(&stage, &moods)], "a");
    let waits = [("stream thing-?".to_owned(), 2)];
    stage.until("the event waits by its stream", async || parked(&stage).await == waits).await;
    assert_eq!(told(&stage, "1").await, [2]);
    moods.lock().expect("no panic").is_known = true;
    let again = ops::Ask::Retry(vec![waits[0].0.clone()]);
    ops::ask(&stage.store, "keys", &again, ("ann", "mended")).await.expect("known");
    stage.until("both", async || told(&stage, "1").await == [1, 2, 3]).await;
    assert_eq!(told(&stage, "2").await, [1, 3]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_holds_nothing_up() {
    let (stage, moods) = (stage().await, Shared::default());
    moods.lock().expect("no panic").gone.extend((0..30).map(|key| key.to_string()));
    for key in 0..30 {
        stage.append(&format!("thing-{key}")).await;
    }
    let engine = stage.engine(vec![consumer(&stage, &moods)], "a");
    stage.until("all are set aside", async || parked(&stage).await.len() == 30).await;
    moods.lock().expect("no panic").gone.clear();
    // What comes later goes on, though nobody has dealt with what came before.
    stage.append("thing-5").await;
    stage.until("what comes later", async || told(&stage, "5").await == [31]).await;
    assert_eq!(told(&stage, "6").await, [0; 0]);
    let again = ops::Ask::Retry(vec!["6 (strays)".to_owned()]);
    ops::ask(&stage.store, "keys", &again, ("ann", "it is back")).await.expect("known");
    stage.until("the stray one", async || told(&stage, "6").await == [7]).await;
    stage.until("29 are left", async || parked(&stage).await.len() == 29).await;
    engine.stop().await;
}

/// Where partitions have an end, what stands before it is written when nothing more comes, and not at the head.
#[tokio::test(start_paused = true)]
async fn what_fails_before_the_end_of_a_partition_holds_nothing_up() {
    let (stage, moods) = (stage().await, Shared::default());
    moods.lock().expect("no panic").gone_late.insert("1".to_owned());
    for key in [1, 2, 3] {
        stage.append(&format!("thing-{key}")).await;
    }
    let end = stage.store.transact_with(|transaction| {
        Box::pin(async move {
            let (parts, _) = stands_readable(transaction, "keys", 1).await?;
            for (part, _) in parts {
                put(transaction, &PartitionRecord { ends_at: Some(Position::new(2)), ..part })
                    .await?;
            }
            Ok(())
        })
    });
    end.await.expect("the memory has room");
    let engine = stage.engine(vec![consumer(&stage, &moods)], "a");
    let waits = [("1 (strays)".to_owned(), 1)];
    stage.until("what nobody waits for", async || parked(&stage).await == waits).await;
    stage.until("the others", async || told(&stage, "2").await == [2]).await;
    stage
        .until("the end", async || {
            let status = ops::consumers(&stage.store).await.expect("readable");
            status[0].partitions.is_empty()
        })
        .await;
    assert_eq!(told(&stage, "3").await, [0; 0]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_has_effects_outside_has_no_keys_of_its_own() {
    let (stage, moods) = (stage().await, Shared::default());
    let concerns: Arc<dyn Concerns> = Arc::new(Listed(moods));
    let outside = Consumer { concerns: Some(concerns), ..stage.outside("keys") };
    let engine = stage.engine(vec![outside], "a");
    stage
        .until("a word about it", async || {
            let status = ops::consumers(&stage.store).await.expect("readable");
            status[0].trouble.iter().any(|trouble| trouble.contains("effects in the store"))
        })
        .await;
    engine.stop().await;
}
