//! Keeping users' statements from ending a store's transaction.

use super::StoreError;

/// Refuses a statement that would end the transaction it runs in: it belongs to the store, and others
/// may share it. For authors of stores.
///
/// # Errors
/// [`StoreError::Invalid`] for `COMMIT` and its like.
pub fn refuse_transaction_control(sql: &str) -> Result<(), StoreError> {
    const CONTROL: [&str; 6] = ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"];
    let mut rest = sql.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, after)| after).trim_start()
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after).trim_start()
        } else {
            break;
        };
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let keyword = rest[..end].to_ascii_uppercase();
    if CONTROL.contains(&keyword.as_str()) {
        return Err(StoreError::Invalid {
            why: format!("`{keyword}` would end a transaction that belongs to the store"),
        });
    }
    Ok(())
}
