//! Everything at one moment, while it goes on: what stands in the log, the timers, the census, and what people see.

use std::collections::{BTreeMap, BTreeSet};

use annals_consumers::timers;
use annals_core::store::EventStore;
use annals_sagas::{Census, ops};
use serde_json::Value;

use crate::member::Home;
use crate::model::Model;

/// More than there are.
const ALL: u32 = 100_000;

/// Deadlines, by flow and name, and when they are.
type Deadlines = BTreeSet<(String, String, String)>;

/// Compares the workspace with the model, when nothing was written while it was read; returns whether so. What
/// people see takes the longest, and is compared when it is asked for.
///
/// # Errors
/// What differs.
pub(crate) async fn agrees(home: &Home, model: &mut Model, people: bool) -> Result<bool, String> {
    model.follow(&home.log).await?;
    let set = deadlines(home).await?;
    let census = Census::of(&home.work, "sim").await.map_err(|error| error.to_string())?;
    let open = match people {
        true => Some(ops::open((&home.log, &home.work), "sim", ALL as usize).await),
        false => None,
    };
    let seen = open.transpose().map_err(|error| error.to_string())?;
    let again = deadlines(home).await?;
    if home.log.head().await.map_err(|error| error.to_string())? != model.position || again != set {
        return Ok(false);
    }
    let mut wanted = Deadlines::new();
    let mut phases: BTreeMap<&str, u64> = BTreeMap::new();
    for (flow, told) in &model.flows {
        *phases.entry(told.phase.word()).or_default() += 1;
        let deadlines = told.deadlines.iter();
        wanted.extend(deadlines.map(|(name, at)| (flow.clone(), name.clone(), at.to_string())));
    }
    if set != wanted {
        let (more, less): (Vec<_>, Vec<_>) =
            (set.difference(&wanted).collect(), wanted.difference(&set).collect());
        let flows: BTreeSet<_> = more.iter().chain(&less).map(|(flow, ..)| flow).collect();
        let flows: Vec<_> = flows.into_iter().map(|flow| model.flows.get(flow)).collect();
        return Err(format!(
            "timers that nobody set: {more:?}, and missing ones: {less:?}, of {flows:#?}"
        ));
    }
    let open = model.flows.values().filter(|told| told.phase.is_open());
    let open: BTreeSet<_> = open.map(|told| told.name.as_str()).collect();
    if let Some(seen) = seen {
        let seen: BTreeSet<_> = seen.iter().map(|shown| shown.instance.as_str()).collect();
        if seen != open {
            return Err(format!("people see {seen:?}, and {open:?} are open"));
        }
    }
    let counted: BTreeMap<&str, u64> = census.iter().filter(|(_, count)| *count > 0).collect();
    // A census that is written apart from its steps may miss some.
    if home.are_together && counted != phases {
        return Err(format!("the census is {counted:?} and not {phases:?}"));
    }
    Ok(true)
}

async fn deadlines(home: &Home) -> Result<Deadlines, String> {
    let timers = timers(&home.work, "sim", None, ALL).await.map_err(|error| error.to_string())?;
    let read = |text: &str| -> Option<(String, String, String)> {
        let body: Value = serde_json::from_str(text).ok()?;
        let of = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((of("instance")?, of("deadline")?, of("at")?))
    };
    timers
        .into_iter()
        .map(|timer| read(&timer.body.0).ok_or_else(|| format!("a strange timer: {timer:?}")))
        .collect()
}
