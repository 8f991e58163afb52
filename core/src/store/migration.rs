//! Noticing that a migration is not the one that was applied.

/// FNV-1a of a migration's text, as 16 hexadecimal digits: it only has to notice a change. For authors
/// of stores.
pub fn migration_checksum(sql: &str) -> String {
    let hash = sql.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}
