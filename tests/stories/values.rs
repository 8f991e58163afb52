//! A row in memory is the row that is stored, and what an event can carry a column can hold: whatever
//! the batches, after a restart, and from history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use annals::prelude::*;
use annals::store::{Append, Store};
use annals::{
    ExpectedVersion, JournalError, MemoryStore, NewEvent, Payload, RunState, SqliteStore, StreamId,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

#[derive(Event, Debug, Clone, PartialEq)]
#[event(prefix = "reading")]
enum Reading {
    Taken { at: Timestamp, price: Decimal, on: jiff::civil::Date },
}

/// One row for each point in time.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "ticks")]
struct Tick {
    #[key]
    at: Timestamp,
    readings: i64,
}

struct Ticks;

impl Projection for Ticks {
    type Event = Reading;
    type Row = Tick;
    const NAME: &str = "ticks";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<Reading>) -> Keys<Timestamp> {
        let Reading::Taken { at, .. } = &event.data;
        (*at).into()
    }

    fn fold(&self, at: &Timestamp, row: &mut Option<Tick>, _: &Recorded<Reading>) {
        row.get_or_insert(Tick { at: *at, readings: 0 }).readings += 1;
    }
}

/// One row for each sensor, which counts the readings that are newer than the last.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "sensors")]
struct Sensor {
    #[key]
    sensor: u32,
    at: Option<Timestamp>,
    newer: i64,
    price: Decimal,
}

struct Sensors;

impl Projection for Sensors {
    type Event = Reading;
    type Row = Sensor;
    const NAME: &str = "sensors";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<Reading>) -> Keys<u32> {
        event.aggregate_id().into()
    }

    fn fold(&self, sensor: &u32, row: &mut Option<Sensor>, event: &Recorded<Reading>) {
        let Reading::Taken { at, price, .. } = &event.data;
        let first = Sensor { sensor: *sensor, at: None, newer: 0, price: Decimal::ZERO };
        let row = row.get_or_insert(first);
        row.newer += i64::from(row.at.is_none_or(|last| *at > last));
        (row.at, row.price) = (Some(*at), *price);
    }
}

fn taken(text: &str) -> Append {
    let (at, price) = (text.parse().unwrap(), Decimal::new(2100, 2));
    let event = Reading::Taken { at, price, on: jiff::civil::date(2026, 11, 27) };
    let stream = StreamId::new("sensor", 1).unwrap();
    Append::to(stream, ExpectedVersion::Any, vec![NewEvent::of(&event).unwrap()])
}

/// The same readings, finer than a microsecond: in one run or with a restart after each, the rows are
/// the same, and those that are rebuilt from history too.
pub(crate) async fn rows_are_the_same(open: impl AsyncFn() -> Arc<dyn Store>) {
    let times = [
        "2026-11-27T10:00:00.123456789Z",
        "2026-11-27T10:00:00.123456789Z",
        "2026-11-27T10:00:00.123456111Z",
        "2026-11-27T10:00:00.123457Z",
    ];
    let start = async || {
        let annals = Annals::on_shared(open().await).project(Ticks).project(Sensors).start().await;
        annals.unwrap()
    };
    for time in times {
        let annals = start().await;
        let position = annals.append(taken(time)).await.unwrap().position;
        annals.wait_for(position, Duration::from_secs(60)).await.unwrap();
        annals.shutdown().await;
    }
    let annals = start().await;
    let ticks = async || annals.read::<Tick>().order_by(Tick::AT.ascending()).list().await.unwrap();
    let sensors = async || annals.read::<Sensor>().list().await.unwrap();
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let cut = "2026-11-27T10:00:00.123456Z";
    let expected = [
        Tick { at: time(cut), readings: 3 },
        Tick { at: time("2026-11-27T10:00:00.123457Z"), readings: 1 },
    ];
    assert_eq!(ticks().await, expected);
    for (key, readings) in [(times[0], 3), (cut, 3)] {
        let row = annals.read::<Tick>().get(&time(key)).await.unwrap().unwrap();
        assert_eq!(row.readings, readings);
        assert_eq!(annals.live(Ticks).get(&time(key)).await.unwrap(), Some(row));
    }
    let step_by_step = sensors().await;
    assert_eq!(step_by_step[0].price.to_string(), "21.00", "as it was written");

    annals.rebuild::<Ticks>().await.unwrap();
    annals.rebuild::<Sensors>().await.unwrap();
    assert_eq!(ticks().await, expected, "from history in one batch");
    assert_eq!(sensors().await, step_by_step, "from history in one batch");
    let live = annals.live(Sensors).get(&1).await.unwrap().unwrap();
    assert_eq!(live, step_by_step[0]);
    assert_eq!(live.price.to_string(), "21.00");
    annals.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_the_same_in_memory() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    rows_are_the_same(async || store.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_the_same_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store.db");
    let open = async || Arc::new(SqliteStore::open(&file).await.unwrap()) as Arc<dyn Store>;
    rows_are_the_same(open).await;
}

/// A date that no column could hold is refused when it is appended, with the place in the payload.
#[tokio::test]
async fn what_no_column_could_hold_is_no_event() {
    let annals = Annals::open("memory:").await.unwrap().events::<Reading>().start().await.unwrap();
    for (at, on, pointer) in [
        ("2026-11-27T10:00:00Z", "2026-11-27", None),
        ("-004800-01-01T00:00:00Z", "2026-11-27", Some("/at")),
        ("yesterday", "2026-11-27", Some("/at")),
        ("9999-12-31T23:59:59Z", "2026-11-27", Some("/at")),
        ("2026-11-27T10:00:00Z", "-004800-01-01", Some("/on")),
        ("2026-11-27T10:00:00Z", "tomorrow", Some("/on")),
    ] {
        let payload = format!(r#"{{"at":"{at}","price":"1.10","on":"{on}"}}"#);
        let event = NewEvent::raw("reading.taken", 1, Payload::parse(payload).unwrap());
        let stream = StreamId::new("sensor", 1).unwrap();
        let appended = annals.append(Append::to(stream, ExpectedVersion::Any, vec![event])).await;
        match pointer {
            None => drop(appended.unwrap()),
            Some(pointer) => {
                let error = appended.unwrap_err();
                assert!(matches!(error, JournalError::Schema(_)), "{error:?}");
                assert!(error.to_string().contains(pointer), "{error}");
                assert!(!error.to_string().contains("4800"), "values may be personal: {error}");
            }
        }
    }
}

/// Numbers that a fold computes: as a column, as one that may be null, and inside JSON.
#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "averages")]
struct Average {
    #[key]
    sensor: u32,
    plain: f64,
    perhaps: Option<f64>,
    #[column(json)]
    inside: BTreeMap<String, Option<f64>>,
}

macro_rules! averages {
    ($name:ident, $text:literal, $row:expr) => {
        #[derive(Clone, Copy)]
        struct $name;

        impl Projection for $name {
            type Event = Reading;
            type Row = Average;
            const NAME: &str = $text;
            const VERSION: u32 = 1;
            const ON_FAILURE: annals::OnFailure = annals::OnFailure::Stop;

            fn keys(&self, event: &Recorded<Reading>) -> Keys<u32> {
                event.aggregate_id().into()
            }

            fn fold(&self, sensor: &u32, row: &mut Option<Average>, _: &Recorded<Reading>) {
                let mut average =
                    Average { sensor: *sensor, plain: 0.0, perhaps: None, inside: BTreeMap::new() };
                $row(&mut average);
                *row = Some(average);
            }
        }
    };
}

averages!(Plain, "plain", |row: &mut Average| row.plain = f64::NAN);
averages!(Perhaps, "perhaps", |row: &mut Average| row.perhaps = Some(f64::NAN));
averages!(Inside, "inside", |row: &mut Average| {
    row.inside.insert("average".to_owned(), Some(f64::NAN));
});

/// It stands still and names table and column; it never becomes null without a word.
async fn stands_still<P: Projection + Copy>(projection: P, column: &str) {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(directory.path().join("store.db")).await.unwrap();
    let stores: [Arc<dyn Store>; 2] = [Arc::new(sqlite), Arc::new(MemoryStore::default())];
    for store in stores {
        let annals = Annals::on_shared(store).project(projection).start().await.unwrap();
        annals.append(taken("2026-11-27T10:00:00Z")).await.unwrap();
        let search = async {
            loop {
                let status = annals.status().await.unwrap().remove(0);
                if status.state == RunState::Failed {
                    return status.last_error.unwrap();
                }
                tokio::task::yield_now().await;
            }
        };
        let said = tokio::time::timeout(Duration::from_secs(60), search).await;
        let said = said.expect("it says what is wrong");
        assert!(said.contains(&format!("column `{column}` of `averages")), "{said}");
        assert!(said.contains("NaN"), "{said}");
        annals.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_number_becomes_null_without_a_word() {
    stands_still(Plain, "plain").await;
    stands_still(Perhaps, "perhaps").await;
    stands_still(Inside, "inside").await;
}
