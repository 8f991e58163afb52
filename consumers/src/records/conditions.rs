//! Which rows of the engine's tables are meant.

use annals_core::table::{Comparison, Condition, Value};

/// A column that holds a value.
pub(crate) fn equal(column: &'static str, value: Value) -> Condition {
    Condition { column, comparison: Comparison::Equal, value }
}

/// Whatever belongs to a consumer.
pub(crate) fn of_consumer(consumer: &str) -> Condition {
    equal("consumer", Value::Text(consumer.to_owned()))
}

/// Whatever belongs to a generation of a consumer.
pub(crate) fn of_generation(consumer: &str, generation: u64) -> Vec<Condition> {
    vec![of_consumer(consumer), equal("generation", Value::Integer(generation.cast_signed()))]
}

/// Whatever waits behind a key.
pub(crate) fn of_key(consumer: &str, generation: u64, key: &str) -> Vec<Condition> {
    let mut conditions = of_generation(consumer, generation);
    conditions.push(equal("key", Value::Text(key.to_owned())));
    conditions
}

/// Keys behind which later events wait: those that nothing was skipped of.
pub(crate) fn that_wait() -> Condition {
    equal("skipped", Value::Boolean(false))
}
