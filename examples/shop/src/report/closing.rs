//! The end of a run: are the read models right, how are the projections doing, where is it all?

use annals::Annals;

use crate::Failure;
use crate::flows;
use crate::place::Place;
use crate::read_models::{BestSellers, Orders, Sales, Stock};
use crate::screen::{Column, Screen, count, table};
use crate::shop::{self, Comparison};

use Column::{Number, Text};

/// Shows that every read model equals its history. Returns whether it does.
pub(crate) async fn proof(annals: &Annals, screen: &Screen) -> Result<bool, Failure> {
    shop::caught_up(annals).await?;
    screen
        .heading("Each read model, row by row, against its projection folded afresh over history");
    let comparisons = [
        shop::compare(annals, Orders).await?,
        shop::compare(annals, Stock).await?,
        shop::compare(annals, Sales).await?,
        shop::compare(annals, BestSellers).await?,
    ];
    for Comparison { name, rows, different } in &comparisons {
        let verdict = match different {
            0 => "✓ equal".to_owned(),
            different => format!("✗ {} rows differ", count(*different)),
        };
        screen.say(format_args!("  {name:<13} {:>7} rows  {verdict}", count(*rows)));
    }
    Ok(comparisons.iter().all(|comparison| comparison.different == 0))
}

/// What has become of the sagas, in this run and those before.
pub(crate) async fn sagas(annals: &Annals, screen: &Screen) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for saga in flows::SAGAS {
        let census = flows::census(annals, saga).await?;
        let ended = |phase| count(census.count(phase));
        let (completed, compensated) = (ended("completed"), ended("compensated"));
        let open = count(census.open());
        lines.push(format!(
            "{saga}: {completed} completed, {compensated} compensated, {open} still open"
        ));
    }
    screen.heading(format_args!("The sagas  {}", lines.join("; ")));
    Ok(())
}

/// How the projections are doing.
pub(crate) async fn status(annals: &Annals, screen: &Screen) -> Result<(), Failure> {
    screen.heading("The projections");
    let columns = [
        Text("projection"),
        Text("state"),
        Number("position"),
        Number("head"),
        Number("lag, events"),
        Number("lag, s"),
    ];
    let cells = annals.status().await?.into_iter().map(|status| {
        vec![
            status.name.to_string(),
            format!("{:?}", status.state).to_lowercase(),
            count(status.position.get()),
            count(status.head.get()),
            count(status.lag_events),
            format!("{:.1}", status.lag.as_secs_f64()),
        ]
    });
    screen.say(table(&columns, cells));
    Ok(())
}

/// Where the database is, and how to look into it.
pub(crate) fn place(screen: &Screen, place: &Place) {
    if place.is_postgres() {
        screen
            .heading("The events are in PostgreSQL. To look at them, in psql (with your schema):");
        screen.say("  select position, stream, type, payload from annals.history limit 5;");
        screen.say("  select day, orders, sold from annals.sales where country = 'France';");
        return;
    }
    let Some(file) = &place.file else {
        screen.heading("The events were kept in memory, and are gone now.");
        return;
    };
    let shown = file.display();
    screen.heading(format_args!("The database is {shown}. To look into it:"));
    for query in [
        "select position, stream, type, payload from annals_history limit 5",
        "select day, orders, sold, credited from sales where country = 'France'",
        "select id, customer_name, status, total, json_array_length(lines) from orders limit 5",
    ] {
        screen.say(format_args!("  sqlite3 '{shown}' \"{query}\""));
    }
    screen.say("The next run adds to it; --fresh begins anew.");
}
