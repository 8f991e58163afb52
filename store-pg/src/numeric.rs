//! Decimals with all their digits: zero has a scale too, which the client's own conversion loses.

use std::error::Error;

use rust_decimal::Decimal;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A decimal as `numeric`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numeric(pub(crate) Decimal);

/// Where the number of digits behind the point stands in what is sent: behind those of the digits, the
/// weight and the sign, each of two bytes.
const SCALE: std::ops::Range<usize> = 6..8;

impl<'r> FromSql<'r> for Numeric {
    fn from_sql(sent_as: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let number = Decimal::from_sql(sent_as, raw)?;
        let scale =
            raw.get(SCALE).map_or(0, |bytes| u32::from(bytes[0]) << 8 | u32::from(bytes[1]));
        if number.is_zero() && scale <= Decimal::MAX_SCALE {
            return Ok(Self(Decimal::new(0, scale)));
        }
        Ok(Self(number))
    }

    fn accepts(sent_as: &Type) -> bool {
        <Decimal as FromSql>::accepts(sent_as)
    }
}

impl ToSql for Numeric {
    fn to_sql(
        &self,
        sent_as: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if !self.0.is_zero() {
            return self.0.to_sql(sent_as, out);
        }
        // No digits, no weight, no sign. A scale is at most 28.
        out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, self.0.scale() as u8]);
        Ok(IsNull::No)
    }

    fn accepts(sent_as: &Type) -> bool {
        <Decimal as ToSql>::accepts(sent_as)
    }

    to_sql_checked!();
}
