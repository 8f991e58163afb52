//! The names most programs need: `use annals::prelude::*;`

pub use crate::{
    Aggregate, Annals, Apply, Command, Decide, DecisionContext, Event, Keys, Origin, Projection,
    ReadModel, Recorded, Timestamp, Uuid,
};
