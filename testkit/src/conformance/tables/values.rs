//! Every type of column: what goes in comes out, sorts and compares the same everywhere.

use annals_core::store::{Store, StoreError, TransactExt};
use annals_core::table::Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
use annals_core::table::{
    ColumnSpec, ColumnType, Comparison, Condition, Direction, IndexSpec, MAX_KEY_TEXT_BYTES, Row,
    RowQuery, TableSpec, Value,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::super::Subject;
use super::super::samples::assert_invalid;
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
    check_in(subject, table(column_type), sorted).await;
}

async fn check_in(subject: &Subject, table: TableSpec, sorted: Vec<Value>) {
    let store = &*subject.store;
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

/// By size, large and small, up to the infinities.
pub async fn floats(subject: Subject) {
    let (least, most) = (f64::NEG_INFINITY, f64::INFINITY);
    let sorted = [least, -1e300, -1.5, -1e-300, 0.0, 1e-300, 9.5, 10.0, 1e300, most];
    check(&subject, ColumnType::Float, sorted.map(Value::Float).to_vec()).await;
}

/// Zero is one number: stored without a sign, and found with either.
pub async fn zero_has_no_sign(subject: Subject) {
    let store = &*subject.store;
    let table = table(ColumnType::Float);
    create(store, &table).await;
    upsert(store, &table, vec![vec![Value::Integer(1), Value::Float(-0.0)]]).await;
    for zero in [0.0, -0.0] {
        let found = ask(store, &table, where_value(Equal, &Value::Float(zero))).await;
        let [Value::Float(found)] = found[..] else { panic!("{found:?}") };
        assert!(found == 0.0 && found.is_sign_positive(), "{found:?}");
    }
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

/// What was written with two digits is read with two digits; in a key, the last one counts.
pub async fn decimals_keep_their_scale(subject: Subject) {
    let store = &*subject.store;
    let texts = ["1.10", "21.00", "0.00", "-0.50", "100", "1000000.0", "0.10000"];
    let table = table(ColumnType::Decimal);
    create(store, &table).await;
    let rows = texts.iter().zip(0..);
    let rows = rows.map(|(text, id)| vec![Value::Integer(id), Value::Decimal(decimal(text))]);
    upsert(store, &table, rows.collect()).await;
    let found = ask(store, &table, RowQuery::default()).await;
    let found: Vec<_> = found.iter().map(Value::to_string).collect();
    assert_eq!(found, texts);

    let mut by_value = TableSpec::new("prices", table.columns.clone(), vec![1], vec![]);
    by_value.columns[1].nullable = false;
    create(store, &by_value).await;
    for text in ["1.5", "1.50"] {
        upsert(store, &by_value, vec![vec![Value::Integer(1), Value::Decimal(decimal(text))]])
            .await;
        let found = ask(store, &by_value, RowQuery::default()).await;
        assert_eq!(found.iter().map(Value::to_string).collect::<Vec<_>>(), [text]);
    }
}

/// False before true.
pub async fn booleans(subject: Subject) {
    check(&subject, ColumnType::Boolean, [false, true].map(Value::Boolean).to_vec()).await;
}

/// Before 1970 too, to the microsecond.
pub async fn timestamps(subject: Subject) {
    let times = [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000001Z",
        "2038-01-19T03:14:08Z",
        "9999-12-30T22:00:00Z",
    ];
    let sorted = times.map(|text| Value::Timestamp(text.parse().expect("a timestamp"))).to_vec();
    check(&subject, ColumnType::Timestamp, sorted).await;
}

/// As those of events are: what is stored, what is looked for, and keys.
pub async fn times_are_cut_to_the_microsecond(subject: Subject) {
    let store = &*subject.store;
    let time = |text: &str| Value::Timestamp(text.parse().expect("a timestamp"));
    for (fine, cut) in [
        ("2026-11-27T10:00:00.123456789Z", "2026-11-27T10:00:00.123456Z"),
        ("1969-12-31T23:59:59.123456789Z", "1969-12-31T23:59:59.123457Z"),
    ] {
        let mut table = table(ColumnType::Timestamp).named("fine");
        table.columns[1].nullable = false;
        table.key = vec![1];
        create(store, &table).await;
        let row = |n, text| vec![Value::Integer(n), time(text)];
        upsert(store, &table, vec![row(1, fine)]).await;
        // One key, in one call and in two.
        upsert(store, &table, vec![row(2, cut), row(3, fine)]).await;
        let found = store.load_rows(&table, &[vec![time(fine)]]).await;
        let found = found.expect("the table is there");
        assert_eq!(found, [row(3, cut)]);
        assert_eq!(ask(store, &table, where_value(Equal, &time(fine))).await, [time(cut)]);
        assert!(ask(store, &table, where_value(Less, &time(fine))).await.is_empty());
        store
            .transact_with(move |transaction| {
                let (table, key) = (table.clone(), vec![time(fine)]);
                Box::pin(async move {
                    transaction.delete_rows(&table, &[key]).await?;
                    transaction.drop_table(&table.name).await
                })
            })
            .await
            .expect("the row can be removed");
    }
}

/// What no store could keep, or another would give back otherwise: in the same words everywhere, with
/// the table and the column and without the value.
pub async fn what_no_column_holds_is_refused(subject: Subject) {
    let store = &*subject.store;
    let text = |text: &str| Value::Text(text.to_owned());
    let time = |text: &str| Value::Timestamp(text.parse().expect("a timestamp"));
    let day = |text: &str| Value::Date(text.parse().expect("a date"));
    let mistakes = [
        (ColumnType::Text, text("secret\0"), "U+0000 stands in the text"),
        (ColumnType::Float, Value::Float(f64::NAN), "not a number (NaN)"),
        (ColumnType::Timestamp, time("-000001-12-31T23:59:59Z"), "times from 0000-01-01"),
        (ColumnType::Timestamp, Value::Timestamp(jiff::Timestamp::MAX), "times from 0000-01-01"),
        (ColumnType::Date, day("-000001-12-31"), "days from 0000-01-01 to 9999-12-31"),
        (ColumnType::Json, Value::Json("NaN".to_owned()), "no JSON"),
        (ColumnType::Text, Value::Integer(1), "it is a Integer, and the column holds a Text"),
        (ColumnType::Integer, text("secret"), "it is a Text, and the column holds a Integer"),
        (ColumnType::Json, Value::Unfit("of its own".to_owned()), "of its own"),
    ];
    for ((column_type, value, words), n) in mistakes.into_iter().zip(0..) {
        let table = table(column_type).named(format!("refused_{n}"));
        create(store, &table).await;
        let said = |result: Result<(), StoreError>| {
            let message = result.as_ref().expect_err(words).to_string();
            assert!(message.contains("column `value` of `refused_"), "{message}");
            assert!(message.contains(words) && !message.contains("secret"), "{message}");
            assert_invalid(result);
        };
        let rows = vec![vec![Value::Integer(1), value.clone()]];
        said(try_upsert(store, &table, rows).await);
        said(store.query_rows(&table, &where_value(Equal, &value)).await.map(drop));
        said(store.count_rows(&table, &where_value(Equal, &value)).await.map(drop));
        assert!(ask(store, &table, RowQuery::default()).await.is_empty());
    }
    let mut required = table(ColumnType::Text).named("required");
    required.columns[1].nullable = false;
    create(store, &required).await;
    let refused = try_upsert(store, &required, vec![vec![Value::Integer(1), Value::Null]]).await;
    let message = refused.expect_err("the column is not nullable").to_string();
    assert!(message.contains("column `value` of `required`: it is null"), "{message}");
}

/// The texts of a key have a limit, all others have none.
pub async fn the_longest_key(subject: Subject) {
    let store = &*subject.store;
    let mut table = table(ColumnType::Text).named("keyed");
    table.columns[1].nullable = false;
    table.key = vec![1, 0];
    create(store, &table).await;
    // Text that cannot be made smaller.
    let text = |bytes: usize| {
        let mut text = String::new();
        let mut n = 1_u64;
        while text.len() < bytes {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text += &format!("{n:x}");
        }
        text.truncate(bytes);
        Value::Text(text)
    };
    let row = vec![Value::Integer(1), text(MAX_KEY_TEXT_BYTES)];
    upsert(store, &table, vec![row.clone()]).await;
    let key = vec![row[1].clone(), row[0].clone()];
    let found = store.load_rows(&table, &[key]).await.expect("the table is there");
    assert_eq!(found, [row]);
    let long = text(MAX_KEY_TEXT_BYTES + 1);
    let refused = try_upsert(store, &table, vec![vec![Value::Integer(1), long.clone()]]).await;
    let message = refused.as_ref().expect_err("the key is too long").to_string();
    assert!(message.contains("2001 bytes, at most 2000") && message.contains("keyed"), "{message}");
    assert_invalid(refused);
    assert_invalid(store.load_rows(&table, &[vec![long, Value::Integer(1)]]).await);
}

/// An index does not limit what it is on: sorted, compared and told apart by the whole text.
pub async fn indexed_text_of_any_length(subject: Subject) {
    let store = &*subject.store;
    let mut table = table(ColumnType::Text);
    table.indexes = vec![IndexSpec::new(vec![1], true), IndexSpec::new(vec![1, 0], false)];
    let long = |last: &str| format!("{}{last}", "é账户".repeat(3_000));
    let texts = ["a".to_owned(), "b".repeat(64), "b".repeat(65), long(""), long("a"), long("b")];
    check_in(&subject, table.clone(), texts.map(Value::Text).to_vec()).await;
    let again = vec![vec![Value::Integer(99), Value::Text(long("a"))]];
    try_upsert(store, &table, again).await.expect_err("the text is there already");
    upsert(store, &table, vec![vec![Value::Integer(99), Value::Text(long("c"))]]).await;
    let mut json = TableSpec { name: "documents".to_owned(), ..table };
    json.columns[1].column_type = ColumnType::Json;
    let texts = ["1".repeat(9_000), "2".repeat(9_000)];
    check_in(&subject, json, texts.map(Value::Json).to_vec()).await;
}

/// Leap days and far years.
pub async fn dates(subject: Subject) {
    let days = ["0000-01-01", "0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"];
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

async fn try_upsert(
    store: &dyn Store,
    table: &TableSpec,
    rows: Vec<Row>,
) -> Result<(), StoreError> {
    let table = table.clone();
    let write = store.transact_with(move |transaction| {
        let (table, rows) = (table.clone(), rows.clone());
        Box::pin(async move { transaction.upsert_rows(&table, &rows).await })
    });
    write.await
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("the sample is a number")
}
