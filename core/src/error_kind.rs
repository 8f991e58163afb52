//! What an error asks of whoever meets it.

/// What kind of error it is, in a few words that are the same for every error of Annals: enough to
/// choose a status code, and to know whether trying again makes sense.
///
/// ```
/// use annals_core::ErrorKind;
///
/// fn status(kind: ErrorKind) -> u16 {
///     match kind {
///         ErrorKind::Refused => 422,
///         ErrorKind::Conflict => 409,
///         ErrorKind::Invalid => 400,
///         ErrorKind::Transient | ErrorKind::OutcomeUnknown => 503,
///         _ => 500,
///     }
/// }
/// assert_eq!(status(ErrorKind::Conflict), 409);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The domain, or a hook, said no. Nothing was written, and the same again is refused again as
    /// long as the state stays.
    Refused,
    /// Somebody else was faster. Nothing was written: read again and decide again.
    Conflict,
    /// The request itself is wrong, and stays wrong. Nothing was written.
    Invalid,
    /// Something is missing for the moment. Nothing was written: the same again may succeed later.
    Transient,
    /// The write may have happened: ask with the same ids or the same key before doing it again.
    OutcomeUnknown,
    /// The program, its set-up or what is stored is at fault: somebody has to look.
    Fault,
}
