//! The read models as tables and charts.

use std::cmp::Reverse;

use annals::Annals;

use super::totals::{Total, totals};
use crate::Failure;
use crate::read_models::{BestSeller, CountryDay, OrderRow, StockLevel};
use crate::screen::{Bar, Column, Screen, chart, count, money, table};
use crate::shop;

use Column::{Number, Text};

/// How many countries have a line of their own.
const COUNTRIES: usize = 8;

/// How many days are drawn: a shop that has been open for months has many.
const DAYS: usize = 21;

/// Prints all of them.
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
    let mut countries = totals(&rows, |row| row.country.clone());
    countries.sort_by_key(|(_, total)| Reverse(total.net()));
    screen.heading("Sales by country, net of credits (read model `sales`)");
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
            money(total.net()),
        ]
    };
    let (shown, others) = countries.split_at(countries.len().min(COUNTRIES));
    let mut lines: Vec<_> = shown.iter().map(|(name, total)| cells(name, total)).collect();
    if !others.is_empty() {
        let total = others.iter().map(|(_, total)| total).sum();
        lines.push(cells(&format!("{} others", others.len()), &total));
    }
    lines.push(cells("all", &countries.iter().map(|(_, total)| total).sum()));
    screen.say(table(&columns, lines));

    screen.heading("Net sales by day");
    let days = totals(&rows, |row| row.day.to_string());
    let bars: Vec<_> = days
        .iter()
        .map(|(day, total)| Bar { name: day.clone(), value: total.net(), text: money(total.net()) })
        .collect();
    screen.say(chart(&bars[bars.len().saturating_sub(DAYS)..]));
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
