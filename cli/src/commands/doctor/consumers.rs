//! Whether what follows the log does so.

use std::collections::BTreeMap;

use annals::ops::{self, ConsumerStatus, DamagedRow, Member, Partition};
use annals::store::{Finding, Operate};
use annals::{Timestamp, Uuid};

use super::super::requests::ask::nobody;
use super::NAMED;
use crate::failure::Failure;
use crate::screen::seconds;

/// For how long a request may be open before it is a finding, in seconds.
const OPEN_FOR: f64 = 60.0;

/// From how far in the future a sign of life is one, in seconds.
const AHEAD: f64 = 2.0;

/// What is found. A store in which no program has run a consumer is left alone.
pub(super) async fn look(store: &dyn Operate) -> Result<Vec<Finding>, Failure> {
    let damaged = ops::damaged(store).await?;
    let consumers = ops::consumers(store).await?;
    if consumers.is_empty() && damaged.is_empty() {
        return Ok(Vec::new());
    }
    let (members, now) = (ops::members(store).await?, store.now().await?);
    Ok(vec![
        look_at_rows(damaged),
        look_at_members(&members, now),
        look_at_clocks(&members, now),
        look_at_leases(&consumers, &members),
        look_at_partitions(store, &consumers, &members).await?,
        look_at_states(&consumers),
        look_at_parked(store, &consumers).await?,
        look_at_requests(store, &members, now).await?,
    ])
}

fn ago(then: Timestamp, now: Timestamp) -> String {
    seconds(now.duration_since(then).as_secs_f64().max(0.0))
}

/// Whether everything that the engine keeps can be read.
fn look_at_rows(damaged: Vec<DamagedRow>) -> Finding {
    let name = |row: &DamagedRow| format!("{} ({}): {}", row.table, row.key.join(", "), row.why);
    let rows: Vec<String> = damaged.iter().map(name).collect();
    let finding = match rows.len() {
        0 => Finding::ok("records", "every row about consumers can be read"),
        n => Finding::bad(
            "records",
            format!("{n} rows about consumers are damaged: {}", first(&rows)),
            "put the column right; a row of annals_members may be deleted, a member that is alive writes it \
             anew; whatever does not depend on the others goes on without them",
        ),
    };
    finding.fact("rows", rows)
}

fn look_at_members(members: &[Member], now: Timestamp) -> Finding {
    let (alive, dead): (Vec<&Member>, Vec<&Member>) =
        members.iter().partition(|member| member.alive);
    let facts = |finding: Finding| finding.fact("alive", alive.len()).fact("dead", dead.len());
    if dead.is_empty() {
        let what = match alive.len() {
            0 => "no process runs consumers now".to_owned(),
            n => format!("{n} processes run consumers, all of them alive"),
        };
        return facts(Finding::ok("members", what));
    }
    let named = dead.iter().take(NAMED);
    let named: Vec<String> = named
        .map(|member| {
            format!("`{}` was heard of last {} ago", member.label, ago(member.seen_at, now))
        })
        .collect();
    let what = format!("{} alive, {} dead: {}", alive.len(), dead.len(), named.join("; "));
    let advice = "see whether it crashed, hangs, or cannot reach the store; others take over what it \
                  was working on";
    facts(Finding::warn("members", what, advice))
}

/// Signs of life are written by the store's clock: one from the future means that it was set back.
fn look_at_clocks(members: &[Member], now: Timestamp) -> Finding {
    let ahead = |member: &&Member| member.seen_at.duration_since(now).as_secs_f64();
    let worst = members.iter().max_by(|a, b| ahead(a).total_cmp(&ahead(b)));
    match worst.filter(|worst| ahead(worst) > AHEAD) {
        None => Finding::ok("member_clocks", "no sign of life is from the future"),
        Some(worst) => {
            let what = format!(
                "`{}` was heard of {} in the future: the store's clock was set back, or differs between \
                 machines",
                worst.label,
                seconds(ahead(&worst)),
            );
            let advice = "set the clock right: until then a dead member counts as alive for longer";
            Finding::bad("member_clocks", what, advice).fact("seconds_ahead", ahead(&worst))
        }
    }
}

fn each(consumers: &[ConsumerStatus]) -> impl Iterator<Item = (&ConsumerStatus, &Partition)> {
    consumers
        .iter()
        .flat_map(|consumer| consumer.partitions.iter().map(move |part| (consumer, part)))
}

/// Whether somebody who is alive may work on a part.
fn can_be_run(consumer: &ConsumerStatus, part: &Partition, members: &[Member]) -> bool {
    members.iter().any(|member| {
        member.alive
            && !member.stopping
            && member.consumers.get(&consumer.name) == Some(&part.version)
    })
}

fn place(consumer: &ConsumerStatus, part: &Partition) -> String {
    format!("{}/{}/{}/{}", consumer.name, part.generation, part.epoch, part.part)
}

/// What belongs to somebody dead while others could take it over.
fn look_at_leases(consumers: &[ConsumerStatus], members: &[Member]) -> Finding {
    let labels: BTreeMap<Uuid, &str> =
        members.iter().map(|member| (member.id, member.label.as_str())).collect();
    let stuck: Vec<String> = each(consumers)
        .filter(|(consumer, part)| {
            consumer.paused_by.is_none() && can_be_run(consumer, part, members)
        })
        .filter_map(|(consumer, part)| {
            let owner = part.left_by?;
            let owner = labels.get(&owner).map_or_else(|| owner.to_string(), |&label| label.into());
            Some(format!("{} of `{owner}`", place(consumer, part)))
        })
        .collect();
    if stuck.is_empty() {
        return Finding::ok(
            "leases",
            "no part belongs to a dead member that another could take over",
        );
    }
    let what = format!("{} parts belong to dead members: {}", stuck.len(), first(&stuck));
    let advice = "living members take them over within a third of the lease: look again, and if they are \
                  still there, look at what the living ones log";
    Finding::warn("leases", what, advice).fact("parts", stuck)
}

fn first(all: &[String]) -> String {
    let mut named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > NAMED {
        named.push_str(", …");
    }
    named
}

async fn look_at_partitions(
    store: &dyn Operate,
    consumers: &[ConsumerStatus],
    members: &[Member],
) -> Result<Finding, Failure> {
    let (mut parts, mut reasons) = (Vec::new(), Vec::new());
    let mut taken_soon = true;
    for consumer in consumers.iter().filter(|consumer| consumer.paused_by.is_none()) {
        let first_cut = |part: &Partition| {
            let of = consumer.partitions.iter().filter(|other| other.generation == part.generation);
            of.map(|other| other.epoch).min() == Some(part.epoch)
        };
        let idle: Vec<&Partition> = consumer
            .partitions
            .iter()
            .filter(|part| part.owner.is_none() && part.version == consumer.version)
            .filter(|part| part.state != "held" && first_cut(part))
            .collect();
        if idle.is_empty() {
            continue;
        }
        parts.extend(idle.iter().map(|part| place(consumer, part)));
        taken_soon &= idle.iter().any(|part| can_be_run(consumer, part, members));
        reasons.push(nobody(store, &consumer.name).await?);
    }
    if parts.is_empty() {
        return Ok(Finding::ok("partitions", "somebody works on every part that is not paused"));
    }
    let what = format!(
        "nobody works on {} parts: {} ({})",
        parts.len(),
        first(&parts),
        reasons.join("; ")
    );
    let advice = match taken_soon {
        true => "look again in a moment; if they are still there, look at what the members log",
        false => {
            "start a program that has these consumers at these versions; what they follow waits"
        }
    };
    Ok(Finding::warn("partitions", what, advice).fact("parts", parts))
}

fn look_at_states(consumers: &[ConsumerStatus]) -> Finding {
    let broken: Vec<String> = each(consumers)
        .filter_map(|(consumer, part)| {
            let reason = part.reason.as_ref()?;
            Some(format!(
                "{} is {} since {}: {reason}",
                place(consumer, part),
                part.state,
                part.since
            ))
        })
        .collect();
    let paused: Vec<String> = consumers
        .iter()
        .filter_map(|one| Some(format!("{} by {}", one.name, one.paused_by.as_ref()?)))
        .collect();
    if !broken.is_empty() {
        let what = format!("{} parts stand still: {}", broken.len(), first(&broken));
        let advice = "what is blocked goes on when what it waits for is back; what failed needs the reason \
                      out of the way: mend the handler or the rows, or give the consumer a new version; \
                      what is stalled hangs in its handler: look at that process";
        return Finding::bad("consumers", what, advice).fact("parts", broken);
    }
    if !paused.is_empty() {
        let what = format!("paused: {}", first(&paused));
        let advice = "annals consumers resume NAME, when what it was paused for is over";
        return Finding::warn("consumers", what, advice).fact("paused", paused);
    }
    let what = format!("{} consumers, none stands still", consumers.len());
    Finding::ok("consumers", what)
}

async fn look_at_parked(
    store: &dyn Operate,
    consumers: &[ConsumerStatus],
) -> Result<Finding, Failure> {
    let (mut waiting, mut others) = (Vec::new(), 0_u64);
    for consumer in consumers.iter().filter(|consumer| consumer.parked_keys > 0) {
        for key in ops::parked(store, &consumer.name).await? {
            match key.next_attempt {
                None => waiting.push(format!("{} of {}", key.key, key.consumer)),
                Some(_) => others += 1,
            }
        }
    }
    let finding = match (waiting.len(), others) {
        (0, 0) => Finding::ok("parked", "no key is parked"),
        (0, n) => Finding::warn(
            "parked",
            format!("{n} keys are parked, and tried again by themselves"),
            "annals parked list says why; annals parked retry tries them at once",
        ),
        (n, _) => Finding::warn(
            "parked",
            format!("{n} parked keys wait for a person: {}", first(&waiting)),
            "annals parked show CONSUMER KEY says why; mend the cause and retry, or discard them",
        ),
    };
    Ok(finding.fact("waiting_for_a_person", waiting).fact("tried_again", others))
}

async fn look_at_requests(
    store: &dyn Operate,
    members: &[Member],
    now: Timestamp,
) -> Result<Finding, Failure> {
    let mut open = Vec::new();
    for request in ops::open_requests(store).await? {
        let taken =
            members.iter().any(|member| member.alive && Some(member.id) == request.taken_by);
        let age = now.duration_since(request.asked_at).as_secs_f64();
        if taken || age < OPEN_FOR {
            continue;
        }
        let why = nobody(store, &request.consumer).await?;
        let (verb, consumer, ago) = (&request.verb, &request.consumer, seconds(age));
        open.push(format!("{verb} {consumer}, asked {ago} ago: {why}"));
    }
    if open.is_empty() {
        return Ok(Finding::ok("requests", "no request waits for somebody to take it"));
    }
    let what = format!("nobody takes {} requests: {}", open.len(), first(&open));
    let advice = "start a program that has the consumer; the requests stay until then";
    Ok(Finding::warn("requests", what, advice).fact("requests", open))
}
