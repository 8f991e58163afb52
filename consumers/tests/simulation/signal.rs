//! Waiting for a change of something that a mutex guards; whoever waited first is woken first.

use std::pin::pin;

use tokio::sync::Notify;

/// Waits until `holds`; whoever changes what it looks at tells `told`.
pub(crate) async fn until(told: &Notify, mut holds: impl FnMut() -> bool) {
    loop {
        let mut next = pin!(told.notified());
        next.as_mut().enable();
        if holds() {
            return;
        }
        next.await;
    }
}
