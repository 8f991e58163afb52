//! Filter, order, page.

use annals_core::store::Store;
use annals_core::table::{Comparison, Condition, Direction, IndexSpec, RowQuery, TableSpec, Value};

use super::super::Subject;
use super::super::samples::assert_invalid;
use super::samples::{accounts, create, row, upsert};

/// Twelve accounts, of ann, bob and cid in turn.
async fn prepare(store: &dyn Store) -> TableSpec {
    let mut table = accounts();
    table.indexes = vec![IndexSpec::new(vec![1], false)];
    create(store, &table).await;
    let owners = ["ann", "bob", "cid"];
    let rows = owners.iter().cycle().zip(1..=12).map(|(owner, id)| row(id, owner)).collect();
    upsert(store, &table, rows).await;
    table
}

async fn ask(store: &dyn Store, table: &TableSpec, query: &RowQuery) -> Vec<i64> {
    let rows = store.query_rows(table, query).await.expect("the table is there");
    rows.iter()
        .map(|row| match row[0] {
            Value::Integer(id) => id,
            ref other => panic!("the first column is an integer, not {other:?}"),
        })
        .collect()
}

fn id(comparison: Comparison, id: i64) -> Condition {
    Condition { column: "id", comparison, value: Value::Integer(id) }
}

fn owner(comparison: Comparison, owner: &str) -> Condition {
    Condition { column: "owner", comparison, value: Value::Text(owner.to_owned()) }
}

/// Two on one column make a range.
pub async fn conditions_must_all_hold(subject: Subject) {
    let store = &*subject.store;
    let table = prepare(store).await;
    for (conditions, wanted) in [
        (vec![], (1..=12).collect::<Vec<_>>()),
        (vec![id(Comparison::Greater, 3), id(Comparison::LessOrEqual, 6)], vec![4, 5, 6]),
        (vec![owner(Comparison::Equal, "bob"), id(Comparison::Less, 8)], vec![2, 5]),
        (vec![owner(Comparison::Equal, "bob"), owner(Comparison::Equal, "ann")], vec![]),
    ] {
        let query = RowQuery { conditions, ..RowQuery::default() };
        assert_eq!(ask(store, &table, &query).await, wanted, "without an order, by key");
    }
}

/// So that the order is always the same.
pub async fn the_first_order_decides_and_the_key_breaks_ties(subject: Subject) {
    use Direction::{Ascending, Descending};
    let store = &*subject.store;
    let table = prepare(store).await;
    for (order, wanted) in [
        (vec![("owner", Ascending)], [1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12]),
        (vec![("owner", Descending)], [3, 6, 9, 12, 2, 5, 8, 11, 1, 4, 7, 10]),
        (vec![("owner", Ascending), ("id", Descending)], [10, 7, 4, 1, 11, 8, 5, 2, 12, 9, 6, 3]),
        (vec![("id", Descending)], [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
    ] {
        let query = RowQuery { order, ..RowQuery::default() };
        assert_eq!(ask(store, &table, &query).await, wanted);
    }
}

/// Pages follow each other, and end.
pub async fn pages_by_limit_and_offset(subject: Subject) {
    let store = &*subject.store;
    let table = prepare(store).await;
    let page = |limit, offset| RowQuery {
        order: vec![("id", Direction::Descending)],
        limit,
        offset,
        ..RowQuery::default()
    };
    assert_eq!(ask(store, &table, &page(5, 0)).await, [12, 11, 10, 9, 8]);
    assert_eq!(ask(store, &table, &page(5, 5)).await, [7, 6, 5, 4, 3]);
    assert_eq!(ask(store, &table, &page(5, 10)).await, [2, 1]);
    assert_eq!(ask(store, &table, &page(5, 12)).await, Vec::<i64>::new());
    assert_eq!(ask(store, &table, &page(5, 1 << 40)).await, Vec::<i64>::new());
    assert_eq!(ask(store, &table, &page(0, 0)).await, Vec::<i64>::new());
}

/// A count is of all that meet the conditions.
pub async fn counting_ignores_limit_and_offset(subject: Subject) {
    let store = &*subject.store;
    let table = prepare(store).await;
    let query = RowQuery {
        conditions: vec![owner(Comparison::NotEqual, "ann")],
        order: vec![("owner", Direction::Ascending)],
        limit: 3,
        offset: 2,
    };
    assert_eq!(store.count_rows(&table, &query).await.expect("the table is there"), 8);
    let all = RowQuery::default();
    assert_eq!(store.count_rows(&table, &all).await.expect("the table is there"), 12);
}

/// Also when its name would be SQL.
pub async fn an_unknown_column_is_refused(subject: Subject) {
    let store = &*subject.store;
    let table = prepare(store).await;
    for column in ["nobody", "id; DROP TABLE accounts", "1"] {
        let condition =
            Condition { column, comparison: Comparison::Equal, value: Value::Integer(1) };
        let query = RowQuery { conditions: vec![condition], ..RowQuery::default() };
        assert_invalid(store.query_rows(&table, &query).await);
        assert_invalid(store.count_rows(&table, &query).await);
    }
}

/// The order is made of columns too.
pub async fn an_unknown_column_in_the_order_is_refused(subject: Subject) {
    let store = &*subject.store;
    let table = prepare(store).await;
    for column in ["nobody", "id DESC", "1"] {
        let query = RowQuery { order: vec![(column, Direction::Ascending)], ..RowQuery::default() };
        assert_invalid(store.query_rows(&table, &query).await);
    }
}
