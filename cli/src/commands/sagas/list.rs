//! `annals sagas list`.

use std::collections::BTreeMap;

use annals::sagas::ops::{self, OpenPage, OpenQuery, State};
use annals::store::Operate;

use super::standing::Standing;
use super::{known, unknown};
use crate::failure::Failure;
use crate::screen::{Screen, escaped, table};

/// Which instances are wanted.
pub(super) struct Wanted {
    pub(super) saga: Option<String>,
    pub(super) state: Option<State>,
    /// Of a saga.
    pub(super) limit: usize,
    pub(super) after: Option<String>,
}

pub(super) async fn list(
    store: &dyn Operate,
    wanted: &Wanted,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut sagas = known(store).await?;
    if let Some(saga) = &wanted.saga {
        sagas.retain(|known| known == saga);
        if sagas.is_empty() {
            return Err(unknown(store, saga, None).await);
        }
    }
    if sagas.is_empty() && !screen.is_json() {
        return screen.line("no program has run a saga here");
    }
    let (state, after, most) = (wanted.state, wanted.after.clone(), wanted.limit);
    let query = OpenQuery { state, after, most };
    let mut pages = Vec::new();
    for saga in &sagas {
        pages.push((saga.as_str(), ops::list((store, store), saga, &query).await?));
    }
    match screen.is_json() {
        true => all(&pages).try_for_each(|one| screen.json(&one))?,
        false => show(&pages, screen)?,
    }
    for (saga, page) in &pages {
        let Some(next) = &page.next else { continue };
        let (saga, next) = (escaped(saga), escaped(next));
        let raise = match page.instances.len() < wanted.limit {
            true => "",
            false => ", or raise `--limit`",
        };
        eprintln!(
            "annals: there may be more of `{saga}`: go on with `--saga {saga} --after '{next}'`{raise}"
        );
    }
    Ok(())
}

/// The instances of all pages.
fn all<'p>(pages: &'p [(&'p str, OpenPage)]) -> impl Iterator<Item = Standing<'p>> {
    pages.iter().flat_map(|(saga, page)| {
        page.instances.iter().map(|open| match &open.known {
            Ok(ledger) => Standing::of(saga, &open.instance, ledger),
            Err(why) => Standing::unreadable(saga, &open.instance, why),
        })
    })
}

fn show(pages: &[(&str, OpenPage)], screen: &mut Screen) -> Result<(), Failure> {
    let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut rows = Vec::new();
    for one in all(pages) {
        *counts.entry(one.saga).or_default().entry(one.state).or_default() += 1;
        rows.push([
            one.saga.to_owned(),
            one.instance.to_owned(),
            one.state.to_owned(),
            one.steps.to_string(),
            one.last_step_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            one.wake_up(),
            one.waits_for.len().to_string(),
            one.reason.unwrap_or_default(),
        ]);
    }
    if !rows.is_empty() {
        let header = [
            "SAGA",
            "INSTANCE",
            "STATE",
            "STEPS",
            "LAST STEP AT",
            "NEXT WAKE-UP",
            "WAITS FOR",
            "REASON",
        ];
        screen.line(&table(header, rows))?;
    }
    for (saga, page) in pages {
        let states = counts.remove(saga).unwrap_or_default();
        let states: Vec<_> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
        let counted = match (states.is_empty(), &page.next) {
            (true, _) => "there are none".to_owned(),
            (false, None) => states.join(", "),
            (false, Some(_)) => format!("{}, and there may be more", states.join(", ")),
        };
        screen.line(&format!("{}: {counted}", escaped(saga)))?;
    }
    Ok(())
}
