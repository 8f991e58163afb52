//! The same history as on the other side, by one COPY in binary form.

use std::pin::pin;

use annals::Uuid;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use super::database::stream;
use crate::Failure;
use crate::domain::{Movement, account};

const COPY: &str = "COPY events (stream, version, id, type, payload) FROM STDIN (FORMAT binary)";

/// In binary form, JSON is its text.
const TYPES: [Type; 5] = [Type::TEXT, Type::INT8, Type::UUID, Type::TEXT, Type::TEXT];

/// Accounts take turns, so many events each.
pub(super) async fn copy(client: &Client, accounts: u64, each: u64) -> Result<(), Failure> {
    copy_of(client, accounts * each, |n| (n % accounts, n / accounts + 1)).await
}

/// So many events, each of the account with the number, and with the version there, that is said.
pub(super) async fn copy_of(
    client: &Client,
    count: u64,
    place: impl Fn(u64) -> (u64, u64),
) -> Result<(), Failure> {
    let sink = client.copy_in(COPY).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &TYPES));
    for n in 0..count {
        let (whose, version) = place(n);
        let (stream, version) = (stream(account(whose)), version as i64);
        let payload = serde_json::to_string(&Movement::number(n))?;
        let id = Uuid::now_v7();
        writer.as_mut().write(&[&stream, &version, &id, &"account.moved", &payload]).await?;
    }
    writer.finish().await?;
    Ok(())
}
