//! Every promise, checked by SQL that shares no code with Annals.

use annals::EventId;
use annals_tests::ledger::Ledger;
use annals_tests::postgres::{Server, connect_patiently};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::Outcome;

/// What is counted must be 0.
const PROMISES: [(&str, &str); 8] = [
    ("positions are dense from 1", include_str!("verify/positions.sql")),
    ("versions are dense in the order of positions", include_str!("verify/versions.sql")),
    ("an append is whole or absent", include_str!("verify/whole.sql")),
    ("what was acknowledged stands where it was said to", include_str!("verify/acknowledged.sql")),
    ("what was refused is not there", include_str!("verify/refused.sql")),
    ("the subscription saw the log as it is", include_str!("verify/watched.sql")),
    ("the read model equals a replay", include_str!("verify/read_model.sql")),
    ("recording never goes back in time", include_str!("verify/recorded.sql")),
];

/// Checks the database after a run. Returns how many events the log has.
pub(crate) async fn verify(server: &Server, ledger: &Ledger, seen: &[EventId]) -> Outcome<i64> {
    let client = connect_patiently(&server.url()).await;
    client.batch_execute(include_str!("verify/tables.sql")).await?;
    let said: Vec<_> = ledger.acknowledged.iter().flatten().copied().collect();
    fill(&client, "acknowledged", &said).await?;
    let refused: Vec<_> = ledger.refused.iter().flatten().map(|id| (*id, 0)).collect();
    fill(&client, "refused", &refused).await?;
    let watched: Vec<_> = seen.iter().copied().zip(1..).collect();
    fill(&client, "watched", &watched).await?;
    let mut broken = Vec::new();
    for (promise, sql) in PROMISES {
        let count: i64 = client.query_one(sql, &[]).await?.get(0);
        println!("soak: {promise}: {}", if count == 0 { "yes" } else { "NO" });
        if count != 0 {
            broken.push(format!("{promise}: {count} times not"));
        }
    }
    if !broken.is_empty() {
        return Err(broken.join("; ").into());
    }
    Ok(client.query_one("SELECT count(*) FROM annals.events", &[]).await?.get(0))
}

async fn fill(client: &Client, table: &str, rows: &[(EventId, u64)]) -> Outcome {
    let insert = format!("INSERT INTO {table} SELECT * FROM unnest($1::uuid[], $2::bigint[])");
    for part in rows.chunks(50_000) {
        let ids: Vec<Uuid> =
            part.iter().map(|(id, _)| id.to_string().parse()).collect::<Result<_, _>>()?;
        let positions: Vec<i64> =
            part.iter().map(|(_, position)| i64::try_from(*position)).collect::<Result<_, _>>()?;
        let parameters: [&(dyn ToSql + Sync); 2] = [&ids, &positions];
        client.execute(&insert, &parameters).await?;
    }
    Ok(())
}
