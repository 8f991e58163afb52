//! Every type of column: what goes in comes out, sorts and compares the same everywhere.

use annals_core::store::Store;
use annals_core::table::Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
use annals_core::table::{
    ColumnSpec, ColumnType, Comparison, Condition, Direction, RowQuery, TableSpec, Value,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::Subject;
use super::samples::{create, upsert};

fn table(column_type: ColumnType) -> TableSpec {
    let columns = vec![
        ColumnSpec::new("id", ColumnType::Integer, false),
        ColumnSpec::new("value", column_type, true),
    ];
    TableSpec::new("samples", columns, vec![0], vec![])
}

async fn ask(store: &dyn Store, table: &TableSpec, query: RowQuery) -> Vec<Value> {
    let rows = store.query_rows(table, &query).await.expect("the table is there");
    rows.into_iter().map(|mut row| row.remove(1)).collect()
}

fn where_value(comparison: Comparison, value: &Value) -> RowQuery {
    RowQuery {
        conditions: vec![Condition { column: "value", comparison, value: value.clone() }],
        order: vec![("value", Direction::Ascending)],
        ..RowQuery::default()
    }
}

/// `sorted` are different values of one type from small to large; null comes before them all.
async fn check(subject: &Subject, column_type: ColumnType, sorted: Vec<Value>) {
    let store = &*subject.store;
    let table = table(column_type);
    create(store, &table).await;
    // The keys run against the order of the values.
    let with_null: Vec<Value> = [Value::Null].into_iter().chain(sorted.clone()).collect();
    let rows = with_null.iter().rev().zip(0..);
    let rows = rows.map(|(value, id)| vec![Value::Integer(id), value.clone()]).collect();
    upsert(store, &table, rows).await;

    let by = |direction| RowQuery { order: vec![("value", direction)], ..RowQuery::default() };
    assert_eq!(ask(store, &table, by(Direction::Ascending)).await, with_null);
    let descending: Vec<_> = with_null.iter().rev().cloned().collect();
    assert_eq!(ask(store, &table, by(Direction::Descending)).await, descending);

    for (place, pivot) in sorted.iter().enumerate() {
        let others: Vec<_> = with_null.iter().filter(|value| *value != pivot).cloned().collect();
        for (comparison, wanted) in [
            (Equal, vec![pivot.clone()]),
            (NotEqual, others),
            (Less, sorted[..place].to_vec()),
            (LessOrEqual, sorted[..=place].to_vec()),
            (Greater, sorted[place + 1..].to_vec()),
            (GreaterOrEqual, sorted[place..].to_vec()),
        ] {
            let query = where_value(comparison, pivot);
            let counted = store.count_rows(&table, &query).await.expect("the table is there");
            assert_eq!(counted, wanted.len() as u64, "{comparison:?} {pivot:?}");
            assert_eq!(ask(store, &table, query).await, wanted, "{comparison:?} {pivot:?}");
        }
    }
    for (comparison, wanted) in [
        (Equal, vec![Value::Null]),
        (NotEqual, sorted.clone()),
        (Less, vec![]),
        (LessOrEqual, vec![]),
        (Greater, vec![]),
        (GreaterOrEqual, vec![]),
    ] {
        let found = ask(store, &table, where_value(comparison, &Value::Null)).await;
        assert_eq!(found, wanted, "{comparison:?} null");
    }
}

/// By its bytes, not by anybody's alphabet.
pub async fn text(subject: Subject) {
    let texts = ["", " ", "10", "9", "Z", "a", "a b", "z", "é", "账户", "😀"];
    let sorted = texts.map(|text| Value::Text(text.to_owned())).to_vec();
    check(&subject, ColumnType::Text, sorted).await;
}

/// By size, to both ends.
pub async fn integers(subject: Subject) {
    let sorted = [i64::MIN, -10, -9, 0, 9, 10, i64::MAX].map(Value::Integer).to_vec();
    check(&subject, ColumnType::Integer, sorted).await;
}

/// By size, large and small.
pub async fn floats(subject: Subject) {
    let sorted = [-1e300, -1.5, -1e-300, 0.0, 1e-300, 9.5, 10.0, 1e300].map(Value::Float).to_vec();
    check(&subject, ColumnType::Float, sorted).await;
}

/// By size, not by digits: 9.5 is less than 10.
pub async fn decimals(subject: Subject) {
    let digits =
        ["-100", "-9.5", "-0.001", "0", "0.0001", "9.5", "9.50001", "10", "10.01", "9999999999.5"];
    let sorted = digits.map(|text| Value::Decimal(decimal(text))).to_vec();
    check(&subject, ColumnType::Decimal, sorted).await;
}

/// 1.5 and 1.50 are one number: as a value that is compared, and as a key.
pub async fn decimals_of_different_scale_are_equal(subject: Subject) {
    let store = &*subject.store;
    let value = |text| Value::Decimal(decimal(text));
    let mut table = table(ColumnType::Decimal);
    table.columns[1].nullable = false;
    create(store, &table).await;
    upsert(store, &table, vec![vec![Value::Integer(1), value("1.50")]]).await;
    for text in ["1.5", "1.50", "1.500"] {
        assert_eq!(ask(store, &table, where_value(Equal, &value(text))).await, [value("1.5")]);
        assert!(ask(store, &table, where_value(Less, &value(text))).await.is_empty());
        assert!(ask(store, &table, where_value(NotEqual, &value(text))).await.is_empty());
    }
    let by_value = TableSpec::new("prices", table.columns.clone(), vec![1], vec![]);
    create(store, &by_value).await;
    upsert(store, &by_value, vec![vec![Value::Integer(1), value("1.50")]]).await;
    upsert(store, &by_value, vec![vec![Value::Integer(2), value("1.5")]]).await;
    let rows = store.load_rows(&by_value, &[vec![value("1.500")]]).await;
    let rows = rows.expect("the table is there");
    assert_eq!(rows, [vec![Value::Integer(2), value("1.5")]], "one key, one row");
}

/// False before true.
pub async fn booleans(subject: Subject) {
    check(&subject, ColumnType::Boolean, [false, true].map(Value::Boolean).to_vec()).await;
}

/// Before 1970 too, to the microsecond.
pub async fn timestamps(subject: Subject) {
    let times = [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000001Z",
        "2038-01-19T03:14:08Z",
        "9999-12-30T00:00:00Z",
    ];
    let sorted = times.map(|text| Value::Timestamp(text.parse().expect("a timestamp"))).to_vec();
    check(&subject, ColumnType::Timestamp, sorted).await;
}

/// Leap days and far years.
pub async fn dates(subject: Subject) {
    let days = ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"];
    let sorted = days.map(|text| Value::Date(text.parse().expect("a date"))).to_vec();
    check(&subject, ColumnType::Date, sorted).await;
}

/// By their bytes.
pub async fn uuids(subject: Subject) {
    let numbers = [0, 1, 0x7fff << 112, 0x8000 << 112, u128::MAX];
    let sorted = numbers.map(|number| Value::Uuid(Uuid::from_u128(number))).to_vec();
    check(&subject, ColumnType::Uuid, sorted).await;
}

/// As text: a store does not read it.
pub async fn json(subject: Subject) {
    let texts = [r#""text""#, "12", "[1, 2]", "null", r#"{ "b": 1, "a": 2 }"#, r#"{"a":{}}"#];
    let sorted = texts.map(|text| Value::Json(text.to_owned())).to_vec();
    check(&subject, ColumnType::Json, sorted).await;
}

/// The largest and the longest of each type come back whole.
pub async fn extremes_survive(subject: Subject) {
    let store = &*subject.store;
    let samples = [
        (ColumnType::Text, Value::Text("x".repeat(1 << 20))),
        (ColumnType::Text, Value::Text("'; DROP TABLE samples; -- \"\\ \n\t".to_owned())),
        (ColumnType::Float, Value::Float(f64::MAX)),
        (ColumnType::Float, Value::Float(f64::MIN_POSITIVE)),
        (ColumnType::Decimal, Value::Decimal(Decimal::MAX)),
        (ColumnType::Decimal, Value::Decimal(Decimal::MIN)),
        (ColumnType::Decimal, Value::Decimal(decimal("0.0000000000000000000000000001"))),
        (ColumnType::Timestamp, Value::Timestamp(jiff::Timestamp::UNIX_EPOCH)),
        (ColumnType::Date, Value::Date(jiff::civil::date(9999, 12, 31))),
    ];
    for ((column_type, value), n) in samples.into_iter().zip(0..) {
        let table = table(column_type).named(format!("samples_{n}"));
        create(store, &table).await;
        upsert(store, &table, vec![vec![Value::Integer(1), value.clone()]]).await;
        assert_eq!(ask(store, &table, RowQuery::default()).await, std::slice::from_ref(&value));
        assert_eq!(ask(store, &table, where_value(Equal, &value)).await, [value]);
    }
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("the sample is a number")
}
