//! SQL of the user's own, where a store takes it.

use annals_core::store::{StoreError, TransactExt};
use annals_core::table::Value;

use super::super::Subject;
use super::samples::{accounts, create, row, upsert};

/// In any order and more than once.
pub async fn statements_take_numbered_parameters(subject: Subject) {
    if !subject.takes_sql() {
        return;
    }
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann"), row(2, "bob"), row(3, "cid")]).await;
    let changed = store
        .transact_with(|transaction| {
            Box::pin(async {
                let values = [Value::Integer(2), Value::Text("eve".to_owned())];
                let sql = "UPDATE accounts SET owner = $2 WHERE id >= $1 AND owner <> $2";
                let changed = transaction.execute(sql, &values).await?;
                let again = transaction.execute(sql, &values).await?;
                Ok((changed, again))
            })
        })
        .await
        .expect("the statement is good");
    assert_eq!(changed, (2, 0));
    let keys: Vec<_> = (1..=3).map(|id| vec![Value::Integer(id)]).collect();
    let mut rows = store.load_rows(&accounts(), &keys).await.expect("the table is there");
    rows.sort_by(|a, b| a[0].order(&b[0]));
    assert_eq!(rows, [row(1, "ann"), row(2, "eve"), row(3, "eve")]);
}

/// Rows come as texts, numbers and nulls.
pub async fn queries_take_numbered_parameters(subject: Subject) {
    if !subject.takes_sql() {
        return;
    }
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann"), row(2, "it's")]).await;
    let rows = store
        .transact_with(|transaction| {
            Box::pin(async {
                let sql = "SELECT id, owner, NULL FROM accounts WHERE owner = $1 ORDER BY id";
                transaction.query(sql, &[Value::Text("it's".to_owned())]).await
            })
        })
        .await
        .expect("the query is good");
    assert_eq!(rows, [vec![Value::Integer(2), Value::Text("it's".to_owned()), Value::Null]]);
}

/// Nothing of it stays, and the store goes on.
pub async fn a_bad_statement_undoes_the_transaction(subject: Subject) {
    if !subject.takes_sql() {
        return;
    }
    let store = &*subject.store;
    for sql in [
        "SELEC 1",
        "UPDATE nowhere SET a = 1",
        "COMMIT",
        "ROLLBACK",
        ";COMMIT",
        "ABORT",
        "START TRANSACTION",
        "PREPARE TRANSACTION 'x'",
        "/* a /* b */ */ COMMIT",
        "/* a /* b */ COMMIT -- */",
    ] {
        let failed = store
            .transact_with(move |transaction| {
                Box::pin(async move {
                    transaction.put_state("s", "on").await?;
                    transaction.execute(sql, &[]).await
                })
            })
            .await;
        assert!(failed.is_err(), "`{sql}` was answered {failed:?}");
        assert_eq!(store.state("s").await.expect("states can be read"), None, "after `{sql}`");
    }
}

/// `INSERT`, and `UPDATE` if that fails, is told why it cannot be done so.
pub async fn a_failed_insert_ends_the_transaction(subject: Subject) {
    if !subject.takes_sql() {
        return;
    }
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann")]).await;
    for update_too in [false, true] {
        let refused = store
            .transact_with(move |transaction| {
                Box::pin(async move {
                    transaction.put_state("s", "on").await?;
                    let insert = "INSERT INTO accounts (id, owner) VALUES (1, 'eve')";
                    let failed = transaction.execute(insert, &[]).await;
                    assert!(failed.is_err(), "the key is taken");
                    if update_too {
                        let update = "UPDATE accounts SET owner = 'eve' WHERE id = 1";
                        transaction.execute(update, &[]).await?;
                    }
                    Ok(())
                })
            })
            .await;
        let error = refused.expect_err("the transaction was over");
        assert!(matches!(error, StoreError::TransactionOver { .. }), "{error:?}");
        let text = error.to_string().to_lowercase();
        assert!(text.contains("unique"), "it says what failed: {text}");
        let keys = [vec![Value::Integer(1)]];
        let rows = store.load_rows(&accounts(), &keys).await.expect("the table is there");
        assert_eq!(rows, [row(1, "ann")]);
        assert_eq!(store.state("s").await.expect("states can be read"), None);
    }
}

/// They take effect in their turn, more of them than a store has under way at a time.
pub async fn queued_statements_keep_their_order(subject: Subject) {
    if !subject.takes_sql() {
        return;
    }
    let store = &*subject.store;
    create(store, &accounts()).await;
    let seen = store
        .transact_with(|transaction| {
            Box::pin(async {
                let insert = "INSERT INTO accounts (id, owner) VALUES ($1, $2)";
                let update = "UPDATE accounts SET owner = owner || $2 WHERE id = $1";
                for id in 0..700 {
                    let key = Value::Integer(id);
                    transaction.enqueue(insert, &[key.clone(), text("a")]).await?;
                    transaction.enqueue(update, &[key, text("b")]).await?;
                }
                let count = "SELECT count(*) FROM accounts WHERE owner = 'ab'";
                let seen = transaction.query(count, &[]).await?;
                transaction.enqueue(update, &[Value::Integer(7), text("c")]).await?;
                transaction.upsert_rows(&accounts(), &[row(8, "last")]).await?;
                let changed = transaction.execute("DELETE FROM accounts WHERE id > 8", &[]).await?;
                transaction.enqueue(update, &[Value::Integer(6), text("c")]).await?;
                Ok((seen, changed))
            })
        })
        .await
        .expect("the statements are good");
    assert_eq!(seen, (vec![vec![Value::Integer(700)]], 691));
    let keys: Vec<_> = (5..=9).map(|id| vec![Value::Integer(id)]).collect();
    let mut rows = store.load_rows(&accounts(), &keys).await.expect("the table is there");
    rows.sort_by(|a, b| a[0].order(&b[0]));
    assert_eq!(rows, [row(5, "ab"), row(6, "abc"), row(7, "abc"), row(8, "last")]);
}

/// Whoever asks next is told, or the commit is refused; nothing of the transaction stays.
pub async fn a_queued_statement_that_fails_undoes_the_transaction(subject: Subject) {
    if !subject.takes_sql() {
        return;
    }
    let store = &*subject.store;
    create(store, &accounts()).await;
    upsert(store, &accounts(), vec![row(1, "ann")]).await;
    for then in ["commit", "query", "row", "rows", "time", "ignore"] {
        let refused = store
            .transact_with(move |transaction| {
                Box::pin(async move {
                    transaction.put_state("s", "on").await?;
                    let insert = "INSERT INTO accounts (id, owner) VALUES ($1, $2)";
                    for id in [2, 1, 3] {
                        let queued =
                            transaction.enqueue(insert, &[Value::Integer(id), text("eve")]).await;
                        if then != "ignore" {
                            queued?;
                        }
                    }
                    match then {
                        "rows" => transaction.enqueue_rows(&accounts(), &[row(4, "dan")]).await?,
                        "query" => drop(transaction.query("SELECT 1", &[]).await?),
                        "row" => transaction.upsert_rows(&accounts(), &[row(4, "dan")]).await?,
                        "time" => drop(transaction.now().await?),
                        _ => {}
                    }
                    Ok(())
                })
            })
            .await;
        let error = refused.expect_err("the key is taken");
        let said = error.to_string().to_lowercase();
        assert!(said.contains("unique"), "it says what failed, then `{then}`: {said}");
        let keys: Vec<_> = (1..=4).map(|id| vec![Value::Integer(id)]).collect();
        let rows = store.load_rows(&accounts(), &keys).await.expect("the table is there");
        assert_eq!(rows, [row(1, "ann")], "then `{then}`");
        assert_eq!(store.state("s").await.expect("states can be read"), None, "then `{then}`");
    }
    for sql in ["COMMIT", "ROLLBACK", "SELEC 1"] {
        let refused = store.transact_with(move |transaction| {
            Box::pin(async move { transaction.enqueue(sql, &[]).await })
        });
        assert!(refused.await.is_err(), "`{sql}` was let through");
    }
}

/// By name, instead of failing somewhere inside.
pub async fn a_store_without_sql_says_so(subject: Subject) {
    if subject.capabilities().sql {
        println!("skipped: the store declares that it takes SQL");
        return;
    }
    let store = &*subject.store;
    let executed = store.transact_with(|transaction| {
        Box::pin(async { transaction.execute("SELECT 1", &[]).await })
    });
    assert!(matches!(executed.await, Err(StoreError::Unsupported { .. })));
    let queried = store
        .transact_with(|transaction| Box::pin(async { transaction.query("SELECT 1", &[]).await }));
    assert!(matches!(queried.await, Err(StoreError::Unsupported { .. })));
    let queued = store.transact_with(|transaction| {
        Box::pin(async { transaction.enqueue("SELECT 1", &[]).await })
    });
    assert!(matches!(queued.await, Err(StoreError::Unsupported { .. })));
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
