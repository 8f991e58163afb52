//! What generated code calls. Not for people; it changes without notice.

pub use annals_core::__private::*;
pub use annals_projections::__private::*;
