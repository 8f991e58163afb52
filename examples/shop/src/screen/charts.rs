//! Bar charts made of characters.

use annals::Decimal;

use super::tables::plain;

const WIDTH: i64 = 40;

/// A bar's name, its length, and what is written behind it.
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: Decimal,
    pub(crate) text: String,
}

pub(crate) fn chart(bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.value).max().unwrap_or_default();
    let name_width = bars.iter().map(|bar| plain(&bar.name).chars().count()).max().unwrap_or(0);
    let lines = bars.iter().map(|bar| {
        let (name, drawn) = (plain(&bar.name), draw(bar.value, longest));
        format!("  {name:<name_width$} {drawn} {}", bar.text)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// In eighths of a character; nothing for what is not above zero.
fn draw(value: Decimal, longest: Decimal) -> String {
    if value <= Decimal::ZERO || longest <= Decimal::ZERO {
        return String::new();
    }
    // value <= longest, so the quotient is at most 1.
    let eighths = (value / longest * Decimal::from(WIDTH * 8)).round();
    let eighths = usize::try_from(eighths).unwrap_or(0).max(1);
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    "█".repeat(eighths / 8) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let bar = |value: i64| draw(value.into(), 80.into());
        assert_eq!(bar(80), "█".repeat(40));
        assert_eq!(bar(1), "▌");
        assert_eq!(bar(-5), "");
        assert_eq!(draw(1.into(), 1_000_000.into()), "▏");
        assert_eq!(chart(&[]), "");
    }
}
