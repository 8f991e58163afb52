//! How events/s hold up as the log grows, as an SVG: a line for each workload and side, both axes
//! logarithmic.

use std::fmt::Write;
use std::path::Path;

use crate::Failure;
use crate::report::Row;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 150.0;
const EDGE: f64 = 40.0;

const COLOURS: [&str; 4] = ["#0b6e4f", "#8fb8a8", "#b3541e", "#d9a98c"];

/// Powers of ten from one side to the other.
struct Axis {
    first: i32,
    last: i32,
    from: f64,
    to: f64,
}

pub(crate) fn write(file: &Path, rows: &[Row]) -> Result<(), Failure> {
    let rows: Vec<&Row> =
        rows.iter().filter(|row| row.history > 0 && row.events_per_s > 0.0).collect();
    if rows.is_empty() {
        return Err("--plot needs rows with a history: measure `growth`".into());
    }
    std::fs::write(file, draw(&rows)?)
        .map_err(|error| format!("{} cannot be written: {error}", file.display()).into())
}

fn draw(rows: &[&Row]) -> Result<String, Failure> {
    let across = Axis::over(rows.iter().map(|row| row.history as f64), LEFT, WIDTH - RIGHT);
    let up = Axis::over(rows.iter().map(|row| row.events_per_s), HEIGHT - EDGE, EDGE);
    let mut svg = String::new();
    writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="{LEFT}" y="20">events/s by events in the log</text>"##
    )?;
    for power in across.first..=across.last {
        let (x, bottom) = (across.at(10_f64.powi(power)), HEIGHT - EDGE);
        line(&mut svg, x, EDGE, x, bottom)?;
        text(&mut svg, x, bottom + 18.0, "middle", &number(power))?;
    }
    for power in up.first..=up.last {
        let (y, right) = (up.at(10_f64.powi(power)), WIDTH - RIGHT);
        line(&mut svg, LEFT, y, right, y)?;
        text(&mut svg, LEFT - 8.0, y + 4.0, "end", &number(power))?;
    }
    let mut names: Vec<_> = rows.iter().map(|row| (row.workload, row.subject.name())).collect();
    names.sort_unstable();
    names.dedup();
    for ((workload, subject), (n, colour)) in
        names.into_iter().zip(COLOURS.iter().cycle().enumerate())
    {
        let mut points = String::new();
        for row in
            rows.iter().filter(|row| (row.workload, row.subject.name()) == (workload, subject))
        {
            let (x, y) = (across.at(row.history as f64), up.at(row.events_per_s));
            write!(points, "{x:.1},{y:.1} ")?;
            writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#)?;
        }
        writeln!(svg, r#"<polyline points="{points}" fill="none" stroke="{colour}"/>"#)?;
        let (x, y) = (WIDTH - RIGHT + 16.0, EDGE + 20.0 * (n as f64 + 1.0));
        writeln!(svg, r#"<circle cx="{x}" cy="{}" r="4" fill="{colour}"/>"#, y - 4.0)?;
        text(&mut svg, x + 10.0, y, "start", &format!("{workload}, {subject}"))?;
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (least, most) =
            values.fold((f64::MAX, 1.0_f64), |(low, high), one| (low.min(one), high.max(one)));
        let first = least.log10().floor() as i32;
        Self { first, last: (most.log10().ceil() as i32).max(first + 1), from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        self.from + part * (self.to - self.from)
    }
}

fn number(power: i32) -> String {
    match power {
        6.. => format!("{} million", 10_f64.powi(power - 6)),
        _ => format!("{}", 10_f64.powi(power)),
    }
}

fn line(svg: &mut String, x1: f64, y1: f64, x2: f64, y2: f64) -> std::fmt::Result {
    writeln!(svg, r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#ddd"/>"##)
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) -> std::fmt::Result {
    writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#)
}
