//! Settings of a server under which messages can get lost.

use ::redis::{FromRedisValue, Value};
use tokio::time::Instant;

use super::connection::Connection;

/// Logs what is not safe in the settings of a server, as far as it tells them.
pub(super) async fn warn(connection: &Connection, shown: &str, deadline: Instant) {
    let mut ask = ::redis::cmd("CONFIG");
    ask.arg("GET").arg("maxmemory*").arg("append*");
    // Not everybody may ask.
    let Ok(answer) = connection.ask(&ask, deadline).await else { return };
    for advice in advice(answer) {
        tracing::warn!(broker = shown, "{advice}");
    }
}

fn advice(answer: Value) -> Vec<&'static str> {
    let flat: Vec<String> = FromRedisValue::from_redis_value(answer).unwrap_or_default();
    let setting = |name: &str| {
        let pair = flat.chunks_exact(2).find(|pair| pair[0] == name);
        pair.map(|pair| &*pair[1])
    };
    let mut advice = Vec::new();
    let evicts = setting("maxmemory-policy").is_some_and(|policy| policy.starts_with("allkeys"));
    if evicts && setting("maxmemory").is_some_and(|most| most != "0") {
        advice.push(
            "the server throws away whole streams when its memory is full: set `maxmemory-policy` to \
             `noeviction`",
        );
    }
    if setting("appendonly") == Some("no") {
        advice.push(
            "a crash of the server loses what it has taken since its last snapshot: set `appendonly yes`",
        );
    } else if setting("appendfsync") == Some("no") {
        advice.push(
            "a crash of the server's machine may lose half a minute of messages: set `appendfsync` to \
             `everysec` or `always`",
        );
    }
    advice
}

#[cfg(test)]
mod tests {
    use ::redis::Value;

    fn advice(settings: &[(&str, &str)]) -> String {
        let flat = settings.iter().flat_map(|(name, value)| [*name, *value]);
        let flat = flat.map(|text| Value::BulkString(text.as_bytes().to_vec()));
        super::advice(Value::Array(flat.collect())).join("; ")
    }

    #[test]
    fn only_what_loses_messages_is_told() {
        assert_eq!(advice(&[]), "");
        assert_eq!(advice(&[("appendonly", "yes"), ("appendfsync", "everysec")]), "");
        assert_eq!(advice(&[("maxmemory", "0"), ("maxmemory-policy", "allkeys-lru")]), "");
        assert!(
            advice(&[("maxmemory", "1000"), ("maxmemory-policy", "allkeys-lru")])
                .contains("noeviction")
        );
        assert!(advice(&[("appendonly", "no"), ("appendfsync", "no")]).contains("appendonly yes"));
        assert!(advice(&[("appendonly", "yes"), ("appendfsync", "no")]).contains("appendfsync"));
    }
}
