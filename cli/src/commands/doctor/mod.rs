//! `annals doctor`.

mod consumers;
mod sagas;

use std::collections::BTreeMap;
use std::time::Duration;

use annals::store::{
    Examination, Finding, LogQuery, MigrationState, MigrationStatus, Operate, Severity,
};
use annals::{Position, StoredSchemas};
use serde::Serialize;

use crate::arguments::Doctor;
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::{Progress, Screen, Unit, escaped};

/// How many payloads that do not fit are shown.
const SHOWN: usize = 10;

/// How many of a kind are named.
const NAMED: usize = 10;

/// How many places of the log a sample is taken from.
const SAMPLES: u64 = 10;

/// How many events are read at a time.
const PAGE: u64 = 1_000;

#[derive(Serialize)]
struct Report<'r> {
    store: String,
    worst: Severity,
    findings: &'r [Finding],
}

pub(crate) async fn doctor(
    place: &Place,
    doctor: &Doctor,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut findings = Vec::new();
    match look(place, doctor, &mut findings).await {
        Ok(()) => {}
        // What is damaged is a finding, and whatever was found before is one too.
        Err(Failure::Damaged(why)) => {
            let advice = "stop writing, keep a copy, and restore a backup";
            findings.push(Finding::bad("integrity", why, advice));
        }
        Err(failure) => return Err(failure),
    }
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok);
    if screen.is_json() {
        screen.json(&Report { store: place.name(), worst, findings: &findings })?;
    } else {
        screen.line(&escaped(&place.name()))?;
        findings.iter().try_for_each(|finding| show(finding, screen))?;
    }
    if worst == Severity::Bad { Err(Failure::Bad) } else { Ok(()) }
}

async fn look(place: &Place, doctor: &Doctor, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let tables = look_at_tables(&place.migrations().await?);
    let can_be_opened = tables.severity != Severity::Bad;
    findings.push(tables);
    if can_be_opened {
        let store = place.open().await?;
        let how = Examination {
            full: doctor.full,
            long_transaction: Duration::from_secs_f64(doctor.long_transaction),
        };
        findings.extend(store.examine(&how).await?);
        findings.extend(look_at_payloads(&*store, doctor).await?);
        findings.extend(consumers::look(&*store).await?);
        findings.extend(sagas::look(&*store, doctor).await?);
    }
    Ok(())
}

fn show(finding: &Finding, screen: &mut Screen) -> Result<(), Failure> {
    let severity = screen.paint(finding.severity);
    screen.line(&format!("{severity}  {:<16}  {}", finding.check, escaped(&finding.what)))?;
    match &finding.advice {
        Some(advice) => screen.line(&format!("{:24}→ {}", "", escaped(advice))),
        None => Ok(()),
    }
}

fn look_at_tables(migrations: &[MigrationStatus]) -> Finding {
    let of = |wanted: fn(&MigrationState) -> bool| {
        let found = migrations.iter().filter(move |one| wanted(&one.state));
        found.map(|one| one.version).collect::<Vec<u32>>()
    };
    let list =
        |versions: &[u32]| versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let missing = of(|state| matches!(state, MigrationState::Missing));
    let changed = of(|state| matches!(state, MigrationState::Changed(_)));
    let unknown = of(|state| matches!(state, MigrationState::Unknown(_)));
    let finding = if missing.len() == migrations.len() {
        Finding::bad(
            "migrations",
            "there is no store here",
            "check the name, or make one: annals migrate",
        )
    } else if !unknown.is_empty() {
        let what =
            format!("a newer version of Annals made the tables (migrations {})", list(&unknown));
        Finding::bad("migrations", what, "use the command of that version, or a newer one")
    } else if !changed.is_empty() {
        let what = format!("migrations {} are not those of this version", list(&changed));
        let advice =
            "another build made the tables: export with that one, and import into a new store";
        Finding::bad("migrations", what, advice)
    } else if !missing.is_empty() {
        let what = format!("migrations {} were not applied", list(&missing));
        Finding::bad("migrations", what, "annals migrate")
    } else {
        Finding::ok("migrations", format!("{} migrations, all applied", migrations.len()))
    };
    finding.fact("missing", missing).fact("changed", changed).fact("unknown", unknown)
}

/// Whether payloads fit the schemas they were registered with.
async fn look_at_payloads(store: &dyn Operate, doctor: &Doctor) -> Result<Vec<Finding>, Failure> {
    let (mut schemas, mut findings) = (StoredSchemas::default(), Vec::new());
    for schema in store.schemas().await? {
        if let Err(error) = schemas.add(&schema) {
            let advice = "somebody changed it: put it back from a backup";
            findings.push(Finding::bad("schemas", error.to_string(), advice));
        }
    }
    let mut looked =
        Looked { schemas, events: 0, misfits: 0, shown: Vec::new(), without: BTreeMap::new() };
    let head = store.head().await?.get();
    let full = doctor.full || head <= doctor.sample;
    let parts = if full { vec![(0, head)] } else { parts(head, doctor.sample) };
    let total = parts.iter().map(|(begin, end)| end - begin).sum();
    let progress = Progress::new(Some(total), Unit::Events);
    for (begin, end) in parts {
        looked.at(store, begin, end, &progress).await?;
    }
    findings.extend(looked.findings(full));
    Ok(findings)
}

/// So many events in all, from places that are spread evenly over the log.
fn parts(head: u64, sample: u64) -> Vec<(u64, u64)> {
    let each = sample.div_ceil(SAMPLES);
    let last = head.saturating_sub(each);
    let begins = (0..SAMPLES)
        .map(|nth| last / (SAMPLES - 1) * nth + last % (SAMPLES - 1) * nth / (SAMPLES - 1));
    begins.map(|begin| (begin, (begin + each).min(head))).collect()
}

struct Looked {
    schemas: StoredSchemas,
    events: u64,
    misfits: u64,
    shown: Vec<String>,
    /// How many events there are of types and versions without a schema.
    without: BTreeMap<String, u64>,
}

impl Looked {
    async fn at(
        &mut self,
        store: &dyn Operate,
        begin: u64,
        end: u64,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let mut query = LogQuery::after(Position::new(begin)).up_to(Position::new(end));
        while query.after.get() < end {
            query = query.limit(PAGE as usize);
            let page = store.read_log(&query).await?;
            page.check_after(query.after)?;
            for event in &page.events {
                self.events += 1;
                match self.schemas.check(event) {
                    Ok(true) => {}
                    Ok(false) => {
                        let name = format!("{} version {}", event.event_type, event.schema_version);
                        *self.without.entry(name).or_default() += 1;
                    }
                    Err(violation) => {
                        self.misfits += 1;
                        if self.shown.len() < SHOWN {
                            let place = format!("event {} of `{}`", event.position, event.stream);
                            self.shown.push(format!("{place}: {violation}"));
                        }
                    }
                }
            }
            query.after = page.next;
            progress.reach(self.events);
        }
        Ok(())
    }

    fn findings(self, full: bool) -> Vec<Finding> {
        let Self { events, misfits, shown, without, .. } = self;
        let looked = match full {
            true => format!("all {events} events"),
            false => format!("a sample of {events} events (--full looks at all)"),
        };
        let mut findings = Vec::new();
        let fit = if misfits == 0 {
            Finding::ok("payloads", format!("{looked}: every payload fits its schema"))
        } else {
            Finding::bad(
                "payloads",
                format!("{looked}: {misfits} payloads do not fit; {}", shown.join("; ")),
                "they were written past the schema check, and programs may fail to read them: add an \
                 upcaster that accepts them",
            )
        };
        findings.push(fit.fact("events", events).fact("misfits", misfits).fact("shown", shown));
        if !without.is_empty() {
            let types: Vec<&str> = without.keys().map(String::as_str).collect();
            let what = format!("{} types without a schema: {}", types.len(), types.join(", "));
            let advice = "they were appended without `#[derive(Event)]`; a schema is registered with \
                          the first event that a program appends with it";
            findings.push(Finding::warn("schemas", what, advice).fact("types", types));
        } else if events > 0 {
            findings.push(Finding::ok("schemas", "every type that was looked at has its schema"));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_sample_reaches_from_the_first_event_to_the_last() {
        for (head, sample) in [(100_000, 10_000), (10_001, 10_000), (u64::MAX / 2, 7), (11, 10)] {
            let parts = parts(head, sample);
            assert_eq!((parts[0].0, parts[parts.len() - 1].1), (0, head));
            assert!(parts.iter().all(|(begin, end)| begin < end && *end <= head), "{parts:?}");
        }
    }
}
