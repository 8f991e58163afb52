//! Doing many things, several at a time.

use tokio::task::JoinSet;

use crate::Failure;

/// Starts one future after the other, `at_once` of them going at a time. `ended` sees each result
/// and says whether more are to be started; those that are going are waited for. The first failure
/// ends all.
pub(crate) async fn together<F, T>(
    futures: impl IntoIterator<Item = F>,
    at_once: usize,
    mut ended: impl FnMut(T) -> bool,
) -> Result<(), Failure>
where
    F: Future<Output = Result<T, Failure>> + Send + 'static,
    T: Send + 'static,
{
    let mut going = JoinSet::new();
    let mut waiting = futures.into_iter();
    let mut more = true;
    loop {
        while more && going.len() < at_once {
            let Some(next) = waiting.next() else { break };
            going.spawn(next);
        }
        let Some(result) = going.join_next().await else { return Ok(()) };
        more &= ended(result??);
    }
}
