//! What people say to flows.

use annals_core::Journal;
use annals_sagas::Steer;
use annals_sagas::ops::{self, SteerError};

use crate::model::Phase;
use crate::random::Random;

/// Says something that fits a flow which stands so. It may have gone on in the meantime, which it says then.
pub(crate) async fn say(
    journal: &Journal,
    (flow, phase): (&str, Phase),
    random: &mut Random,
) -> Result<Option<String>, String> {
    let by = "ada".to_owned();
    let steer = match (phase, random.chance(500)) {
        (Phase::Stuck(_), true) => Steer::Retry { by },
        (Phase::Stuck(_), false) => Steer::Resolve { by, note: "by hand".to_owned() },
        _ => Steer::Cancel { by, reason: "as she likes".to_owned() },
    };
    let words = format!("ada says to {flow}: {steer:?}");
    match ops::steer(journal, "sim", flow, steer).await {
        Ok(()) => Ok(Some(words)),
        Err(SteerError::Refused(_)) => Ok(None),
        Err(error) => Err(format!("{words}: {error}")),
    }
}
