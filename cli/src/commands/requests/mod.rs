//! `annals requests …`, and asking itself.

pub(super) mod ask;
mod list;

use annals::ops;
use annals::store::Operate;

use crate::arguments::Requests;
use crate::failure::Failure;
use crate::screen::Screen;

pub(crate) async fn requests(
    store: &dyn Operate,
    requests: Requests,
    screen: &mut Screen,
) -> Result<(), Failure> {
    match requests {
        Requests::List { open: true, limit } => {
            let mut open = ops::open_requests(store).await?;
            open.truncate(limit as usize);
            list::list(&open, screen)
        }
        Requests::List { open: false, limit } => {
            list::list(&ops::requests(store, limit).await?, screen)
        }
        Requests::Show { id } => match ops::request(store, id).await? {
            Some(request) => list::show(&request, screen),
            None => Err(Failure::NotThere(format!("there is no request {id}"))),
        },
    }
}
