//! Values that no column holds are refused here, in the same words for every store, and the others are
//! brought to what every store keeps of them.

use std::borrow::Cow;

use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use super::{ColumnSpec, KeyValues, Row, TableSpec, Value};
use crate::time::{KeptTimes, cut_time, is_kept};

/// The earliest day that a column holds.
pub const EARLIEST_DATE: Date = date(0, 1, 1);

/// The latest day that a column holds.
pub const LATEST_DATE: Date = date(9999, 12, 31);

/// How long the texts of one key may be together, in bytes: what PostgreSQL's index of the key takes.
pub const MAX_KEY_TEXT_BYTES: usize = 2_000;

/// A value that no column holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` of `{table}`: {why}")]
pub struct InvalidValue {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// What is wrong. The value itself is left out, because it may be personal.
    pub why: String,
}

impl Value {
    /// What no store could keep of it, in whatever column.
    pub(crate) fn mistake(&self) -> Option<String> {
        match self {
            Self::Text(text) if text.contains('\0') => Some(
                "U+0000 stands in the text, which no store keeps: leave it out, or replace it"
                    .to_owned(),
            ),
            Self::Float(number) if number.is_nan() => {
                Some("it is not a number (NaN), which no store keeps".to_owned())
            }
            Self::Timestamp(time) if !is_kept(*time) => {
                Some(format!("it is {time}, and {KeptTimes}"))
            }
            Self::Date(day) if !(EARLIEST_DATE..=LATEST_DATE).contains(day) => Some(format!(
                "it is {day}, and days from {EARLIEST_DATE} to {LATEST_DATE} are kept"
            )),
            Self::Json(text) => {
                let error = serde_json::from_str::<&RawValue>(text).err()?;
                Some(format!("the text is no JSON: {error}"))
            }
            Self::Unfit(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// What every store keeps of it; `None` when that is all of it.
    fn kept(&self) -> Option<Self> {
        match self {
            Self::Timestamp(time) => {
                Some(cut_time(*time)).filter(|kept| kept != time).map(Self::Timestamp)
            }
            // Zero has no sign.
            Self::Float(number) if *number == 0.0 && number.is_sign_negative() => {
                Some(Self::Float(0.0))
            }
            Self::Decimal(number) if number.is_zero() && number.is_sign_negative() => {
                Some(Self::Decimal(Decimal::new(0, number.scale())))
            }
            _ => None,
        }
    }
}

impl TableSpec {
    /// Rows as every store keeps them: times to the microsecond, and zero without a sign.
    ///
    /// # Errors
    /// [`InvalidValue`] for the first value that no store could keep, or of another type than its
    /// column.
    pub fn kept_rows<'r>(&self, rows: &'r [Row]) -> Result<Cow<'r, [Row]>, InvalidValue> {
        for row in rows {
            if row.len() != self.columns.len() {
                let why = format!("the row has {} values", row.len());
                return Err(self.invalid("*", why));
            }
            for (column, value) in self.columns.iter().zip(row) {
                self.check_value(column, value)?;
            }
            self.check_key_text(|place| &row[place])?;
        }
        if rows.iter().flatten().all(|value| value.kept().is_none()) {
            return Ok(Cow::Borrowed(rows));
        }
        let keep = |value: &Value| value.kept().unwrap_or_else(|| value.clone());
        Ok(rows.iter().map(|row| row.iter().map(keep).collect()).collect::<Vec<Row>>().into())
    }

    /// Checks keys as [`kept_rows`](Self::kept_rows) does rows.
    ///
    /// # Errors
    /// [`InvalidValue`]
    pub fn check_keys(&self, keys: &[KeyValues]) -> Result<(), InvalidValue> {
        for key in keys {
            if key.len() != self.key.len() {
                return Err(self.invalid("*", format!("the key has {} values", key.len())));
            }
            for (&place, value) in self.key.iter().zip(key) {
                self.check_value(&self.columns[place], value)?;
            }
            let parts: Vec<_> = self.key.iter().copied().zip(key).collect();
            self.check_key_text(|wanted| {
                parts.iter().find(|(place, _)| *place == wanted).map_or(&Value::Null, |part| part.1)
            })?;
        }
        Ok(())
    }

    /// Checks a value that a column is compared with.
    pub(super) fn check_compared(&self, column: &str, value: &Value) -> Result<(), InvalidValue> {
        match self.columns.iter().find(|spec| spec.name == column) {
            Some(spec) if *value != Value::Null => self.check_value(spec, value),
            _ => Ok(()),
        }
    }

    fn check_value(&self, column: &ColumnSpec, value: &Value) -> Result<(), InvalidValue> {
        let why = value.mistake().or_else(|| match value.column_type() {
            None if column.nullable => None,
            None => Some("it is null, and the column is not".to_owned()),
            Some(found) if found == column.column_type => None,
            Some(found) => {
                Some(format!("it is a {found:?}, and the column holds a {:?}", column.column_type))
            }
        });
        why.map_or(Ok(()), |why| Err(self.invalid(column.name, why)))
    }

    fn check_key_text<'v>(&self, value: impl Fn(usize) -> &'v Value) -> Result<(), InvalidValue> {
        let texts = self.key.iter().map(|&place| match value(place) {
            Value::Text(text) => text.len(),
            _ => 0,
        });
        let bytes: usize = texts.sum();
        if bytes <= MAX_KEY_TEXT_BYTES {
            return Ok(());
        }
        let names: Vec<_> = self.key.iter().map(|&place| self.columns[place].name).collect();
        let why =
            format!("the key's text has {bytes} bytes, at most {MAX_KEY_TEXT_BYTES} are kept");
        Err(self.invalid(&names.join(", "), why))
    }

    fn invalid(&self, column: &str, why: String) -> InvalidValue {
        InvalidValue { table: self.name.clone(), column: column.to_owned(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ColumnType;
    use super::*;

    fn table() -> TableSpec {
        let columns = vec![
            ColumnSpec::new("name", ColumnType::Text, false),
            ColumnSpec::new("at", ColumnType::Timestamp, true),
        ];
        TableSpec::new("people", columns, vec![0], vec![])
    }

    #[test]
    fn rows_come_to_what_is_kept() {
        let text = Value::Text("ann".to_owned());
        let time = |text: &str| Value::Timestamp(text.parse().expect("a time"));
        let fine = vec![vec![text.clone(), time("2026-01-01T00:00:00.123456789Z")]];
        let cut = vec![vec![text.clone(), time("2026-01-01T00:00:00.123456Z")]];
        assert_eq!(table().kept_rows(&fine).expect("they are good"), cut);
        assert!(matches!(table().kept_rows(&cut), Ok(Cow::Borrowed(_))));
        let null = vec![vec![text, Value::Null]];
        assert!(matches!(table().kept_rows(&null), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn a_refusal_names_table_and_column_and_no_value() {
        let row = |name: &str| vec![vec![Value::Text(name.to_owned()), Value::Null]];
        for (rows, words) in [
            (row("secret\0"), "column `name` of `people`: U+0000"),
            (row(&"secret".repeat(400)), "2400 bytes, at most 2000"),
            (vec![vec![Value::Null, Value::Null]], "column `name` of `people`: it is null"),
            (vec![vec![Value::Integer(1), Value::Null]], "it is a Integer"),
            (vec![vec![]], "the row has 0 values"),
        ] {
            let refusal = table().kept_rows(&rows).expect_err(words).to_string();
            assert!(refusal.contains(words) && !refusal.contains("secret"), "{refusal}");
        }
    }
}
