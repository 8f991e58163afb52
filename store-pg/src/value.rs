//! Values of read models, to PostgreSQL and back.

use std::error::Error;

use annals_core::cut_time;
use annals_core::store::StoreError;
use annals_core::table::{ColumnType, Row, TableSpec, Value};
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::event_row::{JsonText, get};
use crate::numeric::Numeric;

/// The type of a column in a table.
pub(crate) fn column_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Text => "text COLLATE \"C\"",
        ColumnType::Integer => "bigint",
        ColumnType::Float => "double precision",
        ColumnType::Decimal => "numeric",
        ColumnType::Boolean => "boolean",
        ColumnType::Timestamp => "timestamptz",
        ColumnType::Date => "date",
        ColumnType::Uuid => "uuid",
        ColumnType::Json => "json",
    }
}

/// The type a value is sent as. JSON goes as text and is cast.
pub(crate) fn bind_type(column_type: ColumnType) -> Type {
    match column_type {
        ColumnType::Text | ColumnType::Json => Type::TEXT,
        ColumnType::Integer => Type::INT8,
        ColumnType::Float => Type::FLOAT8,
        ColumnType::Decimal => Type::NUMERIC,
        ColumnType::Boolean => Type::BOOL,
        ColumnType::Timestamp => Type::TIMESTAMPTZ,
        ColumnType::Date => Type::DATE,
        ColumnType::Uuid => Type::UUID,
    }
}

/// The type of an array of such values.
pub(crate) fn array_type(column_type: ColumnType) -> Type {
    match column_type {
        ColumnType::Text | ColumnType::Json => Type::TEXT_ARRAY,
        ColumnType::Integer => Type::INT8_ARRAY,
        ColumnType::Float => Type::FLOAT8_ARRAY,
        ColumnType::Decimal => Type::NUMERIC_ARRAY,
        ColumnType::Boolean => Type::BOOL_ARRAY,
        ColumnType::Timestamp => Type::TIMESTAMPTZ_ARRAY,
        ColumnType::Date => Type::DATE_ARRAY,
        ColumnType::Uuid => Type::UUID_ARRAY,
    }
}

/// A value on its way into a statement, sent as what it is.
#[derive(Debug)]
pub(crate) struct Bind<'v>(pub(crate) &'v Value);

impl Bind<'_> {
    /// The type it is sent as.
    pub(crate) fn sent_as(&self) -> Type {
        self.0.column_type().map_or(Type::TEXT, bind_type)
    }
}

impl ToSql for Bind<'_> {
    fn to_sql(&self, sent_as: &Type, out: &mut BytesMut) -> Result<IsNull, BoxedError> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Text(text) | Value::Json(text) => text.to_sql(sent_as, out),
            Value::Integer(number) => number.to_sql(sent_as, out),
            Value::Float(number) => number.to_sql(sent_as, out),
            Value::Decimal(number) => Numeric(*number).to_sql(sent_as, out),
            Value::Boolean(truth) => truth.to_sql(sent_as, out),
            Value::Timestamp(time) => cut_time(*time).to_sql(sent_as, out),
            Value::Date(date) => date.to_sql(sent_as, out),
            Value::Uuid(uuid) => uuid.to_sql(sent_as, out),
            Value::Unfit(why) => Err(why.as_str().into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        // The types are given with the values, so they fit.
        true
    }

    to_sql_checked!();
}

type BoxedError = Box<dyn Error + Sync + Send>;

/// Reads a row whose columns are those of the table, in order. In a table of the framework's own, a value
/// that cannot be read does not keep the others from being read.
pub(crate) fn read_row(row: &tokio_postgres::Row, table: &TableSpec) -> Result<Row, StoreError> {
    let columns = table.columns.iter().enumerate();
    columns
        .map(|(place, column)| {
            let (name, wanted) = (column.name, column.column_type);
            read_value(row, place, wanted).or_else(|error| match table.own {
                true => Ok(Value::Unfit(error.to_string())),
                false => Err(table
                    .has_other_columns(format!("`{name}` is no {wanted:?}: {error}"))
                    .into()),
            })
        })
        .collect()
}

fn read_value(
    row: &tokio_postgres::Row,
    place: usize,
    column_type: ColumnType,
) -> Result<Value, tokio_postgres::Error> {
    fn get<'r, T: FromSql<'r>>(
        row: &'r tokio_postgres::Row,
        place: usize,
    ) -> Result<T, tokio_postgres::Error> {
        row.try_get(place)
    }
    let value = match column_type {
        ColumnType::Text => get::<Option<String>>(row, place)?.map(Value::Text),
        ColumnType::Json => {
            get::<Option<JsonText<&str>>>(row, place)?.map(|json| Value::Json(json.0.to_owned()))
        }
        ColumnType::Integer => get::<Option<i64>>(row, place)?.map(Value::Integer),
        ColumnType::Float => get::<Option<f64>>(row, place)?.map(Value::Float),
        ColumnType::Decimal => {
            get::<Option<Numeric>>(row, place)?.map(|number| Value::Decimal(number.0))
        }
        ColumnType::Boolean => get::<Option<bool>>(row, place)?.map(Value::Boolean),
        ColumnType::Timestamp => get::<Option<Timestamp>>(row, place)?.map(Value::Timestamp),
        ColumnType::Date => get::<Option<Date>>(row, place)?.map(Value::Date),
        ColumnType::Uuid => get::<Option<Uuid>>(row, place)?.map(Value::Uuid),
    };
    Ok(value.unwrap_or(Value::Null))
}

/// Reads a value of a user's own query as text, a number or null.
pub(crate) fn read_untyped(row: &tokio_postgres::Row, place: usize) -> Result<Value, StoreError> {
    let column = &row.columns()[place];
    let text = |text: Option<String>| text.map(Value::Text);
    let value = match *column.type_() {
        Type::BOOL => get::<Option<bool>>(row, place)?.map(|truth| Value::Integer(truth.into())),
        Type::INT2 => get::<Option<i16>>(row, place)?.map(|number| Value::Integer(number.into())),
        Type::INT4 => get::<Option<i32>>(row, place)?.map(|number| Value::Integer(number.into())),
        Type::INT8 => get::<Option<i64>>(row, place)?.map(Value::Integer),
        Type::FLOAT4 => get::<Option<f32>>(row, place)?.map(|number| Value::Float(number.into())),
        Type::FLOAT8 => get::<Option<f64>>(row, place)?.map(Value::Float),
        Type::NUMERIC => {
            text(get::<Option<Numeric>>(row, place)?.map(|number| number.0.to_string()))
        }
        Type::TIMESTAMPTZ => {
            text(get::<Option<Timestamp>>(row, place)?.map(|time| time.to_string()))
        }
        Type::DATE => text(get::<Option<Date>>(row, place)?.map(|date| date.to_string())),
        Type::UUID => text(get::<Option<Uuid>>(row, place)?.map(|uuid| uuid.to_string())),
        Type::JSON => {
            text(get::<Option<JsonText<&str>>>(row, place)?.map(|json| json.0.to_owned()))
        }
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            text(get(row, place)?)
        }
        ref other => {
            return Err(StoreError::Invalid {
                why: format!(
                    "column `{}` is of type {other}, which is neither text nor a number: write \
                     `{}::text`",
                    column.name(),
                    column.name()
                ),
            });
        }
    };
    Ok(value.unwrap_or(Value::Null))
}

/// One column of many rows, as an array.
pub(crate) fn array(
    column_type: ColumnType,
    values: &[&Value],
) -> Result<Box<dyn ToSql + Sync + Send>, StoreError> {
    macro_rules! collect {
        ($($variant:ident)|+, $to:expr) => {
            Box::new(
                values
                    .iter()
                    .map(|value| match value {
                        Value::Null => Ok(None),
                        $(Value::$variant(value) => Ok(Some($to(value))),)+
                        other => Err(misfit(column_type, other)),
                    })
                    .collect::<Result<Vec<_>, _>>()?,
            )
        };
    }
    Ok(match column_type {
        ColumnType::Text => collect!(Text, String::clone),
        ColumnType::Json => collect!(Json, String::clone),
        ColumnType::Integer => collect!(Integer, |number: &i64| *number),
        ColumnType::Float => collect!(Float, |number: &f64| *number),
        ColumnType::Decimal => collect!(Decimal, |number: &Decimal| Numeric(*number)),
        ColumnType::Boolean => collect!(Boolean, |truth: &bool| *truth),
        ColumnType::Timestamp => collect!(Timestamp, |time: &Timestamp| cut_time(*time)),
        ColumnType::Date => collect!(Date, |date: &Date| *date),
        ColumnType::Uuid => collect!(Uuid, |uuid: &Uuid| *uuid),
    })
}

/// Rows and keys were checked before they came here.
fn misfit(column_type: ColumnType, value: &Value) -> StoreError {
    let why = format!("a {:?} does not fit a column of type {column_type:?}", value.column_type());
    StoreError::Invalid { why }
}
