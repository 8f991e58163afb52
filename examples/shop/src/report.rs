//! What is printed at the end of every run.

use annals::{Annals, Decimal};

use crate::Failure;
use crate::place::Place;
use crate::read_models::{
    BestSeller, BestSellers, CountryDay, OrderRow, Orders, Sales, Stock, StockLevel,
};
use crate::screen::{Bar, Column, Screen, chart, count, money, table};
use crate::shop::{self, Comparison};

use Column::{Number, Text};

/// The read models as tables and charts.
pub(crate) async fn read_models(annals: &Annals, screen: &Screen) -> Result<(), Failure> {
    latest_orders(annals, screen).await?;
    sales(annals, screen).await?;
    best_sellers(annals, screen).await?;
    stock(annals, screen).await
}

async fn latest_orders(annals: &Annals, screen: &Screen) -> Result<(), Failure> {
    let query = annals.read::<OrderRow>().order_by(OrderRow::PLACED_AT.descending());
    let rows = query.limit(6).list().await?;
    let all = annals.read::<OrderRow>().count().await?;
    screen.heading(format_args!("The latest of {} orders (read model `orders`)", count(all)));
    let columns = [
        Text("order"),
        Text("placed"),
        Text("customer"),
        Text("country"),
        Number("lines"),
        Number("total"),
        Text("status"),
        Text("note"),
    ];
    let cells = rows.into_iter().map(|row| {
        vec![
            row.id,
            row.placed_at.strftime("%d %b %H:%M").to_string(),
            row.customer_name,
            row.country,
            count(row.lines.len()),
            money(row.total),
            row.status,
            row.note,
        ]
    });
    screen.say(table(&columns, cells));
    Ok(())
}

async fn sales(annals: &Annals, screen: &Screen) -> Result<(), Failure> {
    let rows = shop::rows::<CountryDay>(annals).await?;
    let countries = totals(&rows, |row| row.country.clone());
    let shown = countries.len().min(8);
    screen.heading(format_args!("Sales by country, net of credits (read model `sales`)"));
    let mut by_size = countries.clone();
    by_size.sort_by_key(|(_, total)| std::cmp::Reverse(total.net));
    let columns = [
        Text("country"),
        Number("orders"),
        Number("items"),
        Number("sold"),
        Number("credited"),
        Number("net"),
    ];
    let cells = |name: &str, total: &Total| {
        vec![
            name.to_owned(),
            count(total.orders),
            count(total.items),
            money(total.sold),
            money(total.credited),
            money(total.net),
        ]
    };
    let mut lines: Vec<_> =
        by_size.iter().take(shown).map(|(name, total)| cells(name, total)).collect();
    if by_size.len() > shown {
        let mut others = Total::default();
        by_size[shown..].iter().for_each(|(_, total)| others.add(total));
        lines.push(cells(&format!("{} others", by_size.len() - shown), &others));
    }
    let mut all = Total::default();
    by_size.iter().for_each(|(_, total)| all.add(total));
    lines.push(cells("all", &all));
    screen.say(table(&columns, lines));

    screen.heading("Net sales by day");
    let days = totals(&rows, |row| row.day.to_string());
    let bars: Vec<_> = days
        .iter()
        .map(|(day, total)| Bar { name: day.clone(), value: total.net, text: money(total.net) })
        .collect();
    // A store that has been used for months has many days.
    screen.say(chart(&bars[bars.len().saturating_sub(21)..]));
    Ok(())
}

async fn best_sellers(annals: &Annals, screen: &Screen) -> Result<(), Failure> {
    let query = annals.read::<BestSeller>().order_by(BestSeller::REVENUE.descending());
    let rows = query.limit(10).list().await?;
    screen.heading("Best-selling products (read model `best_sellers`)");
    let bars: Vec<_> = rows
        .into_iter()
        .map(|row| Bar {
            text: format!("{} for {}", money(row.revenue), count(row.quantity)),
            value: row.revenue,
            name: row.name,
        })
        .collect();
    screen.say(chart(&bars));
    Ok(())
}

async fn stock(annals: &Annals, screen: &Screen) -> Result<(), Failure> {
    let query = annals.read::<StockLevel>().order_by(StockLevel::ON_HAND.ascending());
    let rows = query.limit(6).list().await?;
    screen.heading("The emptiest shelves (read model `stock`)");
    let columns = [
        Text("product"),
        Text("name"),
        Number("received"),
        Number("sold"),
        Number("returned"),
        Number("on hand"),
    ];
    let cells = rows.into_iter().map(|row| {
        vec![
            row.product,
            row.name,
            count(row.received),
            count(row.sold),
            count(row.returned),
            count(row.on_hand),
        ]
    });
    screen.say(table(&columns, cells));
    Ok(())
}

/// Shows that every read model equals its history. Returns whether it does.
pub(crate) async fn proof(annals: &Annals, screen: &Screen) -> Result<bool, Failure> {
    shop::settled(annals).await?;
    screen.heading("Each read model, row by row, against its projection folded afresh over history");
    let comparisons = [
        shop::compare::<Orders>(annals).await?,
        shop::compare::<Stock>(annals).await?,
        shop::compare::<Sales>(annals).await?,
        shop::compare::<BestSellers>(annals).await?,
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
            status.name.to_owned(),
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

#[derive(Debug, Default, Clone)]
struct Total {
    orders: i64,
    items: i64,
    sold: Decimal,
    credited: Decimal,
    net: Decimal,
}

impl Total {
    fn add(&mut self, other: &Self) {
        self.orders += other.orders;
        self.items += other.items;
        self.sold += other.sold;
        self.credited += other.credited;
        self.net += other.net;
    }
}

/// Sums rows that share a name, sorted by it.
fn totals(rows: &[CountryDay], name: impl Fn(&CountryDay) -> String) -> Vec<(String, Total)> {
    let mut totals = std::collections::BTreeMap::<String, Total>::new();
    for row in rows {
        totals.entry(name(row)).or_default().add(&Total {
            orders: row.orders,
            items: row.items,
            sold: row.sold,
            credited: row.credited,
            net: row.net(),
        });
    }
    totals.into_iter().collect()
}
