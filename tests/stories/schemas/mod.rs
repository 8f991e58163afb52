//! I10: no event without a schema.

mod binding;
mod compatible;
mod payloads;
mod starting;

use annals_core::store::Append;
use annals_core::{
    Event, ExpectedVersion, JournalError, NewEvent, Payload, RegisterError, SchemaError, StreamId,
};

use crate::bank::Bank;

/// The first program.
mod first {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: u32 },
        Cancelled { reason: String },
    }
}

/// Somebody changed a field's type and kept the version.
mod changed {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: String },
        Cancelled { reason: String },
    }
}

/// Somebody renamed a variant.
mod renamed {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: u32 },
        Withdrawn { reason: String },
    }
}

/// The way out after renaming: the old name stays.
mod renamed_with_its_old_name {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed {
            lines: u32,
        },
        #[event(name = "order.cancelled")]
        Withdrawn {
            reason: String,
        },
    }
}

/// The way out after removing: it was on purpose.
mod retired {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", retired("order.cancelled"), crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        Placed { lines: u32 },
    }
}

/// Only prose differs from the first.
mod described {
    #[derive(annals_core::Event)]
    #[event(prefix = "order", crate = annals_core)]
    #[allow(dead_code)]
    pub(super) enum OrderEvent {
        /// An order came in.
        Placed {
            /// How many lines it has.
            lines: u32,
        },
        Cancelled {
            reason: String,
        },
    }
}

async fn append(bank: &Bank, event_type: &str, version: u32, payload: &str) -> SchemaError {
    let good = NewEvent::raw("account.opened", 1, Payload::from_stored(r#"{"owner":"ann"}"#));
    let event = NewEvent::raw(event_type, version, Payload::from_stored(payload));
    let stream = StreamId::parse("account-ann").expect("a stream name");
    let append = Append::to(stream, ExpectedVersion::Any, vec![good, event]);
    let result = bank.journal.append(append).await;
    assert!(bank.stored().await.is_empty(), "nothing is written, the good event neither");
    match result {
        Err(JournalError::Schema(error)) => error,
        other => panic!("the schema refuses, and the answer is {other:?}"),
    }
}

async fn register<E: Event>(bank: &Bank) -> Result<(), SchemaError> {
    match bank.journal.register::<E>().await {
        Ok(()) => Ok(()),
        Err(RegisterError::Schema(error)) => Err(error),
        Err(error) => panic!("the store works, and the answer is {error:?}"),
    }
}

/// The event happens in a process that declares `E`: from then on its name and schema stand.
async fn happened<E: Event>(bank: &Bank, event_type: &str, payload: &str) {
    register::<E>(bank).await.expect("the types hold together");
    write(bank, event_type, payload).await.expect("the event fits its schema");
}

async fn write(bank: &Bank, event_type: &str, payload: &str) -> Result<(), JournalError> {
    let event = NewEvent::raw(event_type, 1, Payload::from_stored(payload));
    let stream = StreamId::parse("order-1").expect("a stream name");
    let append = Append::to(stream, ExpectedVersion::Any, vec![event]);
    bank.journal.append(append).await.map(|_| ())
}

/// Both events of the first program.
async fn first_orders(bank: &Bank) {
    happened::<first::OrderEvent>(bank, "order.placed", r#"{"lines":3}"#).await;
    happened::<first::OrderEvent>(bank, "order.cancelled", r#"{"reason":"late"}"#).await;
}
