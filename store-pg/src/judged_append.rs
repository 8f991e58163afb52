//! Appending by a look at what is stored: where appends may touch each other, repeat themselves, or
//! bring a transaction along.

use annals_core::store::{Append, Appended, StoreError};
use annals_core::{Position, RecordedEvent, cut_time};
use futures_util::future::{join3, join5};
use jiff::Timestamp;

use crate::error::{Failure, Told, is_duplicate};
use crate::insert::write;
use crate::judge::{Ends, Judged, Known, judge};
use crate::link::Link;
use crate::looks::Looks;
use crate::steps::Step;

/// Whatever the defaults of the role are: see [`lock_log`].
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE";

/// How a batch is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Judging {
    /// The store's own clock, if it has one.
    pub(crate) now: Option<Timestamp>,
    /// Whether ids are looked up at once; otherwise only when something does not fit, because ids that
    /// come twice are rare and a unique index keeps them out.
    pub(crate) carefully: bool,
    /// Whether the transaction is that of this batch, to be committed with the last statement;
    /// otherwise it has the log locked until it ends.
    pub(crate) whole: bool,
}

/// Locks the log, judges appends against what is stored, and writes those that are let in. What goes
/// `ahead` is sent in front, in the same round trip. What is known of the `ends` of streams need not be looked up; afterwards they are as they will be with the
/// commit.
pub(crate) async fn append_judged<'a>(
    link: Link<'_>,
    appends: &[&'a Append],
    judging: Judging,
    ends: &mut Ends,
    ahead: impl Future<Output = Result<(), Failure>>,
) -> Result<(Judged<'a>, Timestamp), Failure> {
    let Judging { carefully, .. } = judging;
    let looks = Looks::ready(link).await?;
    // All are sent before the first answer is waited for, and executed in this order: those that read
    // see what was committed while the lock was waited for.
    let events = async { if carefully { looks.events(appends).await } else { Ok(Vec::new()) } };
    let (ahead, locked, found, commands, events) = join5(
        ahead,
        looks.lock(judging.now),
        looks.ends(appends, ends),
        looks.commands(appends),
        events,
    )
    .await;
    ahead?;
    let (head, now) = locked?;
    let mut found = found?;
    if !ends.hold_at(head) {
        // What was thought to be known is not.
        found = looks.ends(appends, ends).await?;
    }
    let mut known = Known {
        ends: std::mem::take(&mut ends.streams),
        commands: commands?.into_iter().collect(),
        events: events?.into_iter().collect(),
        stood: Vec::new(),
    };
    known.ends.extend(found);
    known.stood = looks.stood(appends, &known.events).await?;
    // Ids that come twice in a batch are looked for only where several appends bring them.
    let mut judged = judge(appends, &mut known, head, now, carefully && appends.len() > 1);
    if !carefully && judged.results.iter().any(Result::is_err) {
        // Judging has changed what is known, so all of it is looked up again.
        ends.forget();
        let (found, commands, events) =
            join3(looks.ends(appends, ends), looks.commands(appends), looks.events(appends)).await;
        known = Known {
            ends: found?.into_iter().collect(),
            commands: commands?.into_iter().collect(),
            events: events?.into_iter().collect(),
            stood: Vec::new(),
        };
        known.stood = looks.stood(appends, &known.events).await?;
        judged = judge(appends, &mut known, head, now, appends.len() > 1);
    }
    ends.streams = known.ends;
    ends.head = judged.events.last().map_or(head, |last| last.position);
    write(link, &judged, now, judging.whole).await?;
    Ok((judged, now))
}

/// Locks the log until the transaction ends. Returns where it ends, and when what is appended now is
/// recorded.
pub(crate) async fn lock_log(link: Link<'_>) -> Result<(Position, Timestamp), Failure> {
    Looks::ready(link).await?.lock(None).await
}

/// Appends inside an open transaction, which has the log locked from now on. The last step of a
/// checkpoint goes `ahead`, while the log is free. Returns the events that were written.
pub(crate) async fn append_in(
    link: Link<'_>,
    append: &Append,
    last: Option<Step>,
) -> Result<(Appended, Vec<RecordedEvent>), StoreError> {
    let now = link.options().clock.as_ref().map(|clock| cut_time(clock.now()));
    let judging = Judging { now, carefully: true, whole: false };
    let ready = match &last {
        Some(step) => Some((step, step.ready(link).await?)),
        None => None,
    };
    let ahead = async {
        let Some((step, ready)) = &ready else { return Ok(()) };
        let sent = step.send(link, ready).await;
        sent.map_err(|error| Failure::Other(step.failed(link, error)))
    };
    let judged = append_judged(link, &[append], judging, &mut Ends::default(), ahead).await;
    let (judged, now) = judged.map_err(|failure| match failure {
        // Looked up under the lock: only a key or an id that never was in the log can do this.
        Failure::Server(error) if is_duplicate(&error) => StoreError::Invalid {
            why: format!("a unique index refuses the append: {}", Told::from(error)),
        },
        failure => failure.explained(link.connector),
    })?;
    let events = judged.events.iter().map(|placed| placed.recorded(now)).collect();
    match judged.results.into_iter().next() {
        Some(result) => result.map(|appended| (appended, events)),
        None => Err(StoreError::Closed),
    }
}
