//! Whether every instance of a saga is woken, and heard.

use annals::ops;
use annals::sagas::ops::{Fault, Looked, look_at_instances, look_at_timers, names};
use annals::store::{Finding, MAX_STREAMS, Operate, Severity};

use super::super::sagas::known;
use super::NAMED;
use crate::arguments::Doctor;
use crate::failure::Failure;
use crate::screen::{Progress, Unit};

/// How many timers or instances are read at a time.
const PAGE: u64 = MAX_STREAMS as u64;

/// What is found. A store in which no program has run a saga is left alone.
pub(super) async fn look(store: &dyn Operate, doctor: &Doctor) -> Result<Vec<Finding>, Failure> {
    let sagas = known(store).await?;
    if sagas.is_empty() {
        return Ok(Vec::new());
    }
    let most = if doctor.full { u64::MAX } else { doctor.sample };
    let mut found = Found::default();
    for saga in &sagas {
        if is_elsewhere(store, saga).await? {
            found.elsewhere.push(saga.clone());
            continue;
        }
        timers(store, saga, most, &mut found).await?;
        instances(store, saga, most, &mut found).await?;
    }
    let dispatchers = dispatchers(store, &sagas).await?;
    Ok([vec![dispatchers], found.wake_ups(), vec![found.stuck()]].concat())
}

/// Whether a saga has timers here, and its instances are in another store.
async fn is_elsewhere(store: &dyn Operate, saga: &str) -> Result<bool, Failure> {
    let has_timers = look_at_timers((store, store), saga, None, 1).await?.at > 0;
    Ok(has_timers && names(store, saga, None, 1).await?.is_empty())
}

/// Whether somebody executes what instances send.
async fn dispatchers(store: &dyn Operate, sagas: &[String]) -> Result<Finding, Failure> {
    let mut missing = Vec::new();
    for saga in sagas {
        let name = format!("{saga}-dispatcher");
        if ops::consumer(store, &name).await?.is_none() {
            missing.push(name);
        }
    }
    let finding = match missing.is_empty() {
        true => Finding::ok("saga_dispatchers", "every saga has a dispatcher"),
        false => Finding::bad(
            "saga_dispatchers",
            format!("sagas without a dispatcher: {}", missing.join(", ")),
            "their commands are executed by nobody: start a program that runs the saga, which makes it anew; it \
             executes nothing twice",
        ),
    };
    Ok(finding.fact("missing", missing))
}

async fn timers(
    store: &dyn Operate,
    saga: &str,
    most: u64,
    found: &mut Found,
) -> Result<(), Failure> {
    let (mut after, mut left) = (None, most);
    let progress = Progress::new(None, Unit::Timers);
    loop {
        // It is no more than a page.
        let page = u32::try_from(left.min(PAGE)).unwrap_or(u32::MAX);
        let looked = look_at_timers((store, store), saga, after.as_deref(), page).await?;
        left -= looked.at as u64;
        found.timers += looked.at as u64;
        progress.reach(found.timers);
        after = found.take(saga, looked);
        if after.is_none() || left == 0 {
            found.is_sample |= after.is_some();
            return Ok(());
        }
    }
}

async fn instances(
    store: &dyn Operate,
    saga: &str,
    most: u64,
    found: &mut Found,
) -> Result<(), Failure> {
    let (mut after, mut left) = (None, most);
    let progress = Progress::new(None, Unit::Instances);
    loop {
        let page = usize::try_from(left.min(PAGE)).unwrap_or(MAX_STREAMS);
        let stores = (store as _, store as _, store as _);
        let looked = look_at_instances(stores, saga, after.as_deref(), page).await?;
        left -= looked.at as u64;
        found.instances += looked.at as u64;
        progress.reach(found.instances);
        after = found.take(saga, looked);
        if after.is_none() || left == 0 {
            found.is_sample |= after.is_some();
            return Ok(());
        }
    }
}

/// Some are named, all are counted.
#[derive(Default)]
struct Named {
    names: Vec<String>,
    count: u64,
}

impl Named {
    fn add(&mut self, name: String) {
        self.count += 1;
        if self.names.len() < NAMED {
            self.names.push(name);
        }
    }

    fn say(&self) -> String {
        let more = if self.count > self.names.len() as u64 { ", …" } else { "" };
        self.names.join(", ") + more
    }
}

#[derive(Default)]
struct Found {
    timers: u64,
    instances: u64,
    /// Whether there is more than was looked at.
    is_sample: bool,
    missing: Named,
    /// One that lacks a timer.
    example: Option<(String, String)>,
    orphans: Named,
    unreadable: Named,
    stuck: Named,
    /// Sagas whose log is in another store, which are not looked at.
    elsewhere: Vec<String>,
}

impl Found {
    /// Takes a page in, and says behind what the next begins.
    fn take(&mut self, saga: &str, looked: Looked) -> Option<String> {
        for fault in looked.faults {
            match fault {
                Fault::Missing { instance, deadline, at } => {
                    self.missing.add(format!("`{deadline}` at {at} of {saga} {instance}"));
                    self.example.get_or_insert((saga.to_owned(), instance));
                }
                Fault::Orphan { instance, deadline, at, why } => {
                    self.orphans.add(format!("`{deadline}` at {at} of {saga} {instance} ({why})"))
                }
                Fault::Unreadable { why } => self.unreadable.add(why),
            }
        }
        looked.stuck.into_iter().for_each(|instance| self.stuck.add(format!("{saga} {instance}")));
        looked.next
    }

    fn wake_ups(&self) -> Vec<Finding> {
        let Self { timers, instances, missing, orphans, unreadable, .. } = self;
        let looked = match self.is_sample {
            false => format!("all {timers} timers and {instances} instances"),
            true => format!(
                "a sample of {timers} timers and {instances} instances (--full looks at all)"
            ),
        };
        let mut findings = Vec::new();
        if unreadable.count > 0 {
            findings.push(Finding::bad(
                "saga_timers",
                format!("{} timers or streams cannot be understood: {}", unreadable.count, unreadable.say()),
                "a newer program may have written them: use the command of that version; a timer that somebody has \
                 changed may be deleted, and `annals sagas rearm SAGA INSTANCE` sets it anew",
            ));
        }
        if let Some((saga, instance)) = &self.example {
            findings.push(Finding::bad(
                "saga_timers",
                format!("{looked}: {} deadlines have no timer: {}", missing.count, missing.say()),
                format!(
                    "nobody wakes them: annals sagas rearm {saga} {instance} sets them anew, and so for each \
                     instance; find out who has deleted rows of annals_timers"
                ),
            ));
        }
        if orphans.count > 0 {
            findings.push(Finding::warn(
                "saga_timers",
                format!("{looked}: {} timers wake nobody: {}", orphans.count, orphans.say()),
                "they have no effect, and go by themselves when they are due and the program of the saga runs; find \
                 out who has written rows of annals_timers",
            ));
        }
        if !self.elsewhere.is_empty() {
            let sagas = self.elsewhere.join(", ");
            findings.push(Finding::ok(
                "saga_timers",
                format!("the log of {sagas} is in another store: timers are not looked at"),
            ));
        }
        if findings.iter().all(|finding| finding.severity == Severity::Ok)
            && (self.elsewhere.is_empty() || *instances > 0)
        {
            let what = format!(
                "{looked}: what has not ended has a timer for each deadline, and no timer wakes nobody"
            );
            findings.push(Finding::ok("saga_timers", what));
        }
        let with_facts = |finding: Finding| {
            finding
                .fact("timers", *timers)
                .fact("instances", *instances)
                .fact("missing", missing.names.clone())
                .fact("orphans", orphans.names.clone())
        };
        findings.into_iter().map(with_facts).collect()
    }

    fn stuck(&self) -> Finding {
        let Named { names, count } = &self.stuck;
        let finding = match count {
            0 => Finding::ok("saga_stuck", "no instance waits for a person"),
            n => Finding::warn(
                "saga_stuck",
                format!("{n} instances wait for a person: {}", self.stuck.say()),
                "annals sagas show SAGA INSTANCE says why; mend the cause and retry, or do by hand what was refused \
                 and resolve",
            ),
        };
        finding.fact("count", *count).fact("instances", names.clone())
    }
}
