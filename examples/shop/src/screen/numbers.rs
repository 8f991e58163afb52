//! Numbers as people write them.

use std::time::Duration;

use annals::Decimal;

/// `39,522`
pub(crate) fn count(number: impl TryInto<i128>) -> String {
    // Every number here comes from a u64, a usize or an i64, and an i128 holds them all.
    grouped(&number.try_into().unwrap_or_default().to_string())
}

/// `681,498.86`; shows more than two decimals when there are more, and never rounds.
pub(crate) fn money(amount: Decimal) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    grouped(&amount.to_string())
}

/// `2.4 s`
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn grouped(number: &str) -> String {
    let (sign, number) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (whole, fraction) = match number.find('.') {
        Some(point) => number.split_at(point),
        None => (number, ""),
    };
    let mut text = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(-39_522), "-39,522");
        assert_eq!(money("681498.86".parse().unwrap()), "681,498.86");
        assert_eq!(money("-100".parse().unwrap()), "-100.00");
        assert_eq!(money("0.1650".parse().unwrap()), "0.165");
        // There is no room for pence behind it.
        assert_eq!(money(Decimal::MAX), "79,228,162,514,264,337,593,543,950,335");
    }
}
