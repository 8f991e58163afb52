//! A panic of the user's code as an error, on every store and in every mode.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Polls `work`, and returns a panic in it as the error that `error` makes of its message. What it was
/// working on must be thrown away then: it may be half done.
pub async fn caught<T, E>(
    work: impl Future<Output = Result<T, E>>,
    error: impl Fn(String) -> E,
) -> Result<T, E> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(error(message(&*panic)))))
    })
    .await
}

/// What a panic said.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it said nothing".to_owned())
}
