//! `annals migrate`.

use annals::Timestamp;
use annals::store::{MigrationState, MigrationStatus};
use serde::Serialize;

use crate::failure::Failure;
use crate::place::Place;
use crate::screen::{Screen, table};

#[derive(Serialize)]
struct Done {
    store: String,
    migrations: Vec<Migration>,
    /// How many of them were applied just now.
    applied_now: usize,
}

#[derive(Serialize)]
struct Migration {
    version: u32,
    name: String,
    applied_at: Option<Timestamp>,
    now: bool,
}

pub(crate) async fn migrate(place: &Place, screen: &mut Screen) -> Result<(), Failure> {
    let before = place.migrations().await?;
    drop(place.migrate().await?);
    let was_missing = |version| {
        let of = |one: &&MigrationStatus| one.version == version;
        before.iter().find(of).is_none_or(|one| one.state == MigrationState::Missing)
    };
    let migrations: Vec<Migration> = place
        .migrations()
        .await?
        .into_iter()
        .map(|one| Migration {
            version: one.version,
            now: was_missing(one.version),
            applied_at: match one.state {
                MigrationState::Applied(at)
                | MigrationState::Changed(at)
                | MigrationState::Unknown(at) => Some(at),
                MigrationState::Missing => None,
            },
            name: one.name,
        })
        .collect();
    let applied_now = migrations.iter().filter(|one| one.now).count();
    let done = Done { store: place.name(), migrations, applied_now };
    if screen.is_json() {
        return screen.json(&done);
    }
    screen.line(&match applied_now {
        0 => format!("{} is at the newest version: nothing was done", done.store),
        count => format!("{}: {count} migrations applied", done.store),
    })?;
    let rows = done.migrations.into_iter().map(|one| {
        let at = one.applied_at.map(|at| at.to_string()).unwrap_or_default();
        [one.version.to_string(), one.name, at, if one.now { "now" } else { "" }.to_owned()]
    });
    screen.line(&table(["VERSION", "NAME", "APPLIED AT", ""], rows))
}
