//! The gauges of consumers, written once a round from what is known anyway and a few reads.

use std::collections::BTreeMap;

use annals_core::Position;
use annals_core::store::StoreError;
use annals_core::table::RowQuery;

use super::sweep::Sweeper;
use super::view::View;
use crate::ops;
use crate::records::{ParkedKey, PartitionRecord, list};

/// What is measured of a consumer.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measured {
    /// The least position of the serving partitions that this member works on.
    position: Option<Position>,
    /// The same of a generation that is being built.
    building: Option<Position>,
    parked: u64,
    /// The first event that waits behind a parked key.
    first_parked: Option<Position>,
    /// Partitions that nobody works on who is alive.
    unowned: u64,
}

impl Sweeper {
    /// Measures the consumers that this member has. Whoever wants to know of all partitions takes the
    /// largest value over all members.
    pub(super) async fn measure(&self, view: &View) -> Result<(), StoreError> {
        let (work, log) = (self.context.stores.work(), self.context.stores.log());
        let parked = list::<ParkedKey>(&**work, &RowQuery::default()).await?;
        let head = log.head().await?;
        metrics::gauge!("annals_members").set(view.living() as f64);
        for name in self.consumers.keys().filter(|name| view.consumers.contains_key(&***name)) {
            let measured = self.measured(name, view, &parked);
            let mut lag = ops::Lag::default();
            // The positions of messages are not the log's.
            let is_log = self.consumers.get(name).is_some_and(|known| known.inflow.is_none());
            let position = measured.position.filter(|position| is_log && *position < head);
            if let Some(position) = position {
                lag = ops::lag(&**log, position, view.now).await?;
            }
            let mut oldest = lag.seconds;
            if let Some(first) = measured.first_parked.filter(|_| is_log) {
                let before = Position::new(first.get().saturating_sub(1));
                oldest = oldest.max(ops::lag(&**log, before, view.now).await?.seconds);
            }
            let built = measured
                .building
                .filter(|_| is_log)
                .map_or(1.0, |at| at.get() as f64 / head.get().max(1) as f64);
            let consumer = || name.to_string();
            metrics::gauge!("annals_consumer_lag_events", "consumer" => consumer())
                .set(lag.events as f64);
            metrics::gauge!("annals_consumer_lag_seconds", "consumer" => consumer())
                .set(lag.seconds);
            metrics::gauge!("annals_consumer_oldest_waiting_seconds", "consumer" => consumer())
                .set(oldest);
            metrics::gauge!("annals_consumer_parked_keys", "consumer" => consumer())
                .set(measured.parked as f64);
            metrics::gauge!("annals_consumer_unowned_partitions", "consumer" => consumer())
                .set(measured.unowned as f64);
            metrics::gauge!("annals_consumer_rebuild_ratio", "consumer" => consumer())
                .set(built.min(1.0));
        }
        Ok(())
    }

    fn measured(&self, name: &str, view: &View, parked: &[ParkedKey]) -> Measured {
        let serves = view.consumers.get(name).map_or(1, |known| known.generation);
        // The least position by generation.
        let mut least: BTreeMap<u64, Position> = BTreeMap::new();
        for (generation, position) in self.positions(name) {
            least
                .entry(generation)
                .and_modify(|least| *least = position.min(*least))
                .or_insert(position);
        }
        let parked = parked.iter().filter(|key| key.consumer == name);
        let unowned = |part: &&PartitionRecord| {
            part.consumer == name
                && part.generation == serves
                && !part.is_held()
                && part.owner.is_none_or(|owner| !view.is_alive(owner))
        };
        Measured {
            position: least.get(&serves).copied(),
            building: least.range(serves + 1..).next_back().map(|(_, position)| *position),
            parked: parked.clone().count() as u64,
            first_parked: parked.map(|key| key.position).min(),
            unowned: view.partitions.iter().filter(unowned).count() as u64,
        }
    }
}
