//! What has become of the sagas' instances.

use std::time::Duration;

use annals::sagas::{Census, Saga};
use annals::store::LogFilter;
use annals::{Annals, EventType};

use crate::Failure;
use crate::checkout::Checkout;
use crate::returns::Returns;

/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// The sagas that the shop runs.
pub(crate) const SAGAS: [&str; 2] = [Checkout::NAME, Returns::NAME];

/// Waits until every instance has ended, those of earlier runs too.
pub(crate) async fn ended(annals: &Annals) -> Result<(), Failure> {
    for saga in SAGAS {
        let filter = LogFilter {
            event_types: vec![EventType::from_static("annals.saga.stepped")],
            categories: vec![format!("saga.{saga}")],
            ..LogFilter::default()
        };
        // From before the first look, so that no step is missed.
        let mut steps = annals.subscribe(filter, annals.log().head().await?);
        let all = async {
            while census(annals, saga).await?.open() > 0 {
                steps.next().await?;
            }
            Ok::<_, Failure>(())
        };
        let ended = tokio::time::timeout(PATIENCE, all).await;
        ended.map_err(|_| format!("not every {saga} has ended within {PATIENCE:?}"))??;
    }
    Ok(())
}

/// How many instances stand where, of this run and those before.
pub(crate) async fn census(annals: &Annals, saga: &str) -> Result<Census, Failure> {
    Ok(Census::of(&**annals.stores().work(), saga).await?)
}
