//! Telling the calls of a transaction's own work from everybody else's. For authors of stores.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;

use super::StoreError;

thread_local! {
    /// The stores whose work is being polled on this thread, the innermost last.
    static INSIDE: RefCell<Vec<StoreMark>> = const { RefCell::new(Vec::new()) };
}

/// What tells one open store from another. Its clones share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreMark(usize);

impl StoreMark {
    /// The mark of what all clones of a store share, which stays where it is as long as one is left.
    pub fn of<T: ?Sized>(shared: &T) -> Self {
        Self(std::ptr::from_ref(shared).addr())
    }

    /// Runs the work of a transaction, or a hook, so that its calls to the same store are known.
    pub async fn around<F: Future>(self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| {
            let _inside = Entered::new(self);
            work.as_mut().poll(context)
        })
        .await
    }

    /// Refuses a call that comes out of the work of one of the store's own transactions: it would
    /// wait for that transaction, which waits for it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn refuse_inside(self) -> Result<(), StoreError> {
        if !INSIDE.with_borrow(|inside| inside.contains(&self)) {
            return Ok(());
        }
        Err(StoreError::Invalid {
            why: "a handler, a hook or another work of a transaction called the store that runs \
                  it, and would wait for its own transaction for ever: use the transaction that \
                  was handed in, or make the call after the commit"
                .to_owned(),
        })
    }
}

/// For as long as the work is being polled, however that ends.
struct Entered;

impl Entered {
    fn new(mark: StoreMark) -> Self {
        INSIDE.with_borrow_mut(|inside| inside.push(mark));
        Self
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        INSIDE.with_borrow_mut(|inside| inside.pop());
    }
}
