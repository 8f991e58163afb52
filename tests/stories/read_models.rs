//! Typed queries on every kind of column, the same on both stores.

use std::collections::BTreeMap;

use annals::prelude::*;
use annals::{Date, Decimal, MemoryStore, SqliteStore};

#[derive(Event, Debug, Clone, PartialEq)]
#[event(name = "sample.taken")]
struct Taken {
    number: i32,
    decimal: Decimal,
}

#[derive(Aggregate, Default)]
#[aggregate(category = "sample", id = i32, event = Taken, error = std::convert::Infallible)]
struct Sample;

impl Apply for Sample {
    fn apply(&mut self, _: &Taken) {}
}

#[derive(ReadModel, Debug, Clone, PartialEq)]
#[read_model(table = "samples", index(day, number))]
struct SampleRow {
    #[key]
    id: Uuid,
    #[key]
    number: i32,
    text: String,
    float: f64,
    #[index]
    decimal: Decimal,
    even: bool,
    at: Timestamp,
    day: Date,
    note: Option<String>,
    #[column(json)]
    parts: BTreeMap<String, Vec<u32>>,
}

struct Samples;

fn id(number: i32) -> Uuid {
    Uuid::from_u128(u128::from(number.unsigned_abs() % 3))
}

fn row(event: &Recorded<Taken>) -> SampleRow {
    let number = event.data.number;
    SampleRow {
        id: id(number),
        number,
        text: format!("it's number {number} — \"quoted\" ✓"),
        float: f64::from(number) / 4.0,
        decimal: event.data.decimal,
        even: number % 2 == 0,
        at: Timestamp::from_nanosecond(i128::from(number) * 1_000_000_001).unwrap(),
        day: Date::constant(2010, 12, 1 + (number.unsigned_abs() % 20) as i8),
        note: (number % 3 == 0).then(|| "third".to_owned()),
        parts: BTreeMap::from([("all".to_owned(), vec![1, number.unsigned_abs()])]),
    }
}

impl Projection for Samples {
    type Event = Taken;
    type Row = SampleRow;
    const NAME: &str = "samples";
    const VERSION: u32 = 1;

    fn keys(&self, event: &Recorded<Taken>) -> Keys<(Uuid, i32)> {
        (id(event.data.number), event.data.number).into()
    }

    fn fold(&self, _: &(Uuid, i32), slot: &mut Option<SampleRow>, event: &Recorded<Taken>) {
        *slot = Some(row(event));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_column_can_be_filtered_sorted_and_paged() {
    let directory = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(directory.path().join("rows.db")).await.unwrap();
    let builders = [Annals::on(MemoryStore::default()), Annals::on(sqlite)];
    for builder in builders {
        let annals = builder.project_inline(Samples).start().await.unwrap();
        for number in -15..15 {
            // 9.5, 10, 10.5, … with different scales: text would sort them wrongly.
            let decimal = Decimal::new(i64::from(number) * 50 + 1_000, 2);
            let take = |_: &Sample| Ok(Taken { number, decimal });
            annals.execute(&number, take).await.unwrap();
        }
        let numbers =
            |rows: Vec<SampleRow>| -> Vec<i32> { rows.into_iter().map(|row| row.number).collect() };
        let read = || annals.read::<SampleRow>();

        let one = read().get(&(id(6), 6)).await.unwrap().unwrap();
        assert_eq!((one.note.as_deref(), one.float, one.even), (Some("third"), 1.5, true));
        assert_eq!(one.at.as_nanosecond(), 6_000_000_000, "cut to the microsecond");
        assert_eq!(one.parts["all"], [1, 6]);
        assert_eq!(read().get(&(id(5), 6)).await.unwrap(), None);

        let by_decimal = read().order_by(SampleRow::DECIMAL.descending()).limit(3).list();
        assert_eq!(numbers(by_decimal.await.unwrap()), [14, 13, 12]);
        let between = read()
            .filter(SampleRow::DECIMAL.at_least(Decimal::new(95, 1)))
            .filter(SampleRow::DECIMAL.below(Decimal::new(11_000, 3)))
            .order_by(SampleRow::DECIMAL.ascending());
        assert_eq!(numbers(between.list().await.unwrap()), [-1, 0, 1]);
        let equal = read().filter(SampleRow::DECIMAL.equals(Decimal::new(1_000, 2)));
        assert_eq!(equal.count().await.unwrap(), 1);

        let none = read().filter(SampleRow::NOTE.equals(None::<String>));
        assert_eq!(none.count().await.unwrap(), 20);
        let some = read().filter(SampleRow::NOTE.differs(None::<String>));
        assert_eq!(some.count().await.unwrap(), 10);
        let even = read().filter(SampleRow::EVEN.equals(true));
        assert_eq!(even.count().await.unwrap(), 15);
        let float = read().filter(SampleRow::FLOAT.above(3.0));
        assert_eq!(float.count().await.unwrap(), 2);
        let day = read().filter(SampleRow::DAY.at_most(Date::constant(2010, 12, 2)));
        assert_eq!(day.count().await.unwrap(), 3);
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(read().filter(SampleRow::AT.below(at)).count().await.unwrap(), 15);
        let text = read().filter(SampleRow::TEXT.equals("it's number 7 — \"quoted\" ✓"));
        assert_eq!(text.first().await.unwrap().unwrap().number, 7);

        let mut paged = Vec::new();
        for page in 0..5 {
            let rows = read().order_by(SampleRow::NUMBER.ascending()).page(page, 7).list();
            paged.extend(numbers(rows.await.unwrap()));
        }
        assert_eq!(paged, (-15..15).collect::<Vec<_>>(), "pages neither overlap nor leave gaps");
    }
}
