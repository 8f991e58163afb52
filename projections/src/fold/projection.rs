//! The first form: a fold of rows.

use annals_consumers::OnFailure;
use annals_core::{Event, Recorded};

use super::Keys;
use crate::read_model::{ReadModel, RowKey};
use crate::run::Partitions;

/// Folds events into rows. The runner loads the rows that a batch touches at once, folds in
/// memory, and writes them with the checkpoint in one transaction: the work grows with the rows
/// touched, not with the events. The value is kept for as long as the program runs, so that it can
/// hold settings.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    note = "write `impl Projection for {Self}`, or `impl EventHandler for {Self}` for SQL of your own"
)]
pub trait Projection: Send + Sync + 'static {
    /// The events it wants. For several aggregates, an enum with `#[event(transparent)]`.
    type Event: Event;

    /// The row it keeps.
    type Row: ReadModel;

    /// A stable name: it stands for the projection in the store. At most 40 characters; that of
    /// the table unless told otherwise.
    const NAME: &'static str = <Self::Row as ReadModel>::TABLE;

    /// Raise it when the fold or the columns change: the read model is rebuilt from history,
    /// beside the old one.
    const VERSION: u32 = 1;

    /// Names it had before: under them it finds its table when it was renamed. A table belongs to
    /// one projection; one of another name is not started on it unless it says that it is the same.
    const FORMERLY: &'static [&'static str] = &[];

    /// Into how many partitions it may be cut, to be worked on by several processes at once.
    const PARTITIONS: Partitions = Partitions::One;

    /// What becomes of an event that cannot be read or folded: unless told otherwise, its key is parked
    /// with all that comes after it, and everything else goes on. The key is the stream, or its id where
    /// the projection is partitioned by it. Rows that take events from several keys see those of a key
    /// that heals later than the others.
    const ON_FAILURE: OnFailure = OnFailure::Park;

    /// Which rows an event touches. Unless told otherwise, the one whose key is the id of the
    /// event's aggregate.
    fn keys(&self, event: &Recorded<Self::Event>) -> Keys<<Self::Row as ReadModel>::Key> {
        <<Self::Row as ReadModel>::Key as RowKey>::of_stream(&event.stream).into()
    }

    /// Changes one of those rows: `row` is `None` when there is none, and leaving `None` removes
    /// it. It must not fail and must depend on nothing but its arguments; raise
    /// [`VERSION`](Self::VERSION) when `self` holds other settings than before.
    fn fold(
        &self,
        key: &<Self::Row as ReadModel>::Key,
        row: &mut Option<Self::Row>,
        event: &Recorded<Self::Event>,
    );
}
