//! `annals sagas list`.

use annals::sagas::ops::{self, OpenPage, OpenQuery, State};
use annals::sagas::{Census, Phase};
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
    (log, work): (&dyn Operate, &dyn Operate),
    wanted: &Wanted,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut sagas = known(work).await?;
    if let Some(saga) = &wanted.saga {
        sagas.retain(|known| known == saga);
        if sagas.is_empty() {
            return Err(unknown(work, saga, None).await);
        }
    }
    if sagas.is_empty() && !screen.is_json() {
        return screen.line("no program has run a saga here");
    }
    let (state, after, most) = (wanted.state, wanted.after.clone(), wanted.limit);
    let query = OpenQuery { state, after, most };
    let mut pages = Vec::new();
    for saga in &sagas {
        let page = ops::list((log, work), saga, &query).await?;
        pages.push((saga.as_str(), page, Census::of(work, saga).await?));
    }
    match screen.is_json() {
        true => all(&pages).try_for_each(|one| screen.json(&one))?,
        false => show(&pages, wanted.state, screen)?,
    }
    for (saga, page, _) in &pages {
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

/// A saga, some of its instances, and how many there are.
type Page<'p> = (&'p str, OpenPage, Census);

/// The instances of all pages.
fn all<'p>(pages: &'p [Page<'p>]) -> impl Iterator<Item = Standing<'p>> {
    pages.iter().flat_map(|(saga, page, _)| {
        page.instances.iter().map(|open| match &open.known {
            Ok(ledger) => Standing::of(saga, &open.instance, ledger),
            Err(why) => Standing::unreadable(saga, &open.instance, why),
        })
    })
}

fn show(pages: &[Page<'_>], state: Option<State>, screen: &mut Screen) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for one in all(pages) {
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
    for (saga, page, census) in pages {
        let wanted = Phase::OPEN.iter().filter(|phase| {
            state.is_none_or(|state| state.as_str() == **phase) && census.count(phase) > 0
        });
        let counts: Vec<_> =
            wanted.map(|phase| format!("{} {phase}", census.count(phase))).collect();
        let counts = match counts.is_empty() {
            true => "there are none".to_owned(),
            false => counts.join(", "),
        };
        let shown = match &page.next {
            Some(_) => format!("; {} are shown", page.instances.len()),
            None => String::new(),
        };
        screen.line(&format!("{}: {counts}{shown}", escaped(saga)))?;
    }
    Ok(())
}
