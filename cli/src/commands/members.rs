//! `annals members`.

use annals::ops;
use annals::store::Operate;

use crate::failure::Failure;
use crate::screen::{Screen, seconds, table};

pub(crate) async fn members(store: &dyn Operate, screen: &mut Screen) -> Result<(), Failure> {
    let (members, now) = (ops::members(store).await?, store.now().await?);
    if screen.is_json() {
        return members.iter().try_for_each(|member| screen.json(member));
    }
    if members.is_empty() {
        return screen.line("no process runs consumers");
    }
    let rows = members.into_iter().map(|member| {
        let state = match (member.alive, member.stopping) {
            (true, false) => "alive",
            (true, true) => "stopping",
            (false, _) => "dead",
        };
        let consumers = member.consumers.iter().map(|(name, version)| format!("{name} {version}"));
        [
            member.label,
            state.to_owned(),
            seconds(now.duration_since(member.seen_at).as_secs_f64()),
            member.started_at.to_string(),
            consumers.collect::<Vec<_>>().join(", "),
            member.id.to_string(),
        ]
    });
    screen.line(&table(["MEMBER", "STATE", "SEEN AGO", "STARTED AT", "CONSUMERS", "ID"], rows))
}
