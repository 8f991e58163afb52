//! What operators are told of commits.

use std::time::Duration;

/// Tells the recorder of metrics of a commit with events: how many appends shared it, how many events they
/// had, and how long it took. For authors of stores, so that all of them are measured by the same names.
///
/// ```
/// use std::time::Instant;
/// use annals_core::store::measure_commit;
///
/// let begun = Instant::now();
/// // … three appends with twelve events are committed together.
/// measure_commit("mine", 3, 12, begun.elapsed());
/// ```
pub fn measure_commit(store: &'static str, appends: usize, events: u64, took: Duration) {
    metrics::histogram!("annals_append_batch_appends", "store" => store).record(appends as f64);
    metrics::histogram!("annals_append_batch_events", "store" => store).record(events as f64);
    metrics::histogram!("annals_append_batch_seconds", "store" => store).record(took.as_secs_f64());
}
