//! `annals events show ID|POSITION`.

use annals::store::{LogQuery, Operate};
use annals::{EventId, Position};

use crate::failure::Failure;
use crate::screen::Screen;

pub(crate) async fn event(
    store: &dyn Operate,
    which: &str,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let found = if let Ok(position) = which.parse::<u64>() {
        let before = LogQuery::after(Position::new(position.saturating_sub(1)));
        let page = store.read_log(&before.up_to(Position::new(position)).limit(1)).await?;
        page.events.into_iter().next()
    } else if let Ok(id) = which.parse::<EventId>() {
        store.event(id).await?
    } else {
        return Err(Failure::Usage(
            "an event is named by its id, a UUID, or by its position, a number".to_owned(),
        ));
    };
    match found {
        Some(event) => screen.whole_event(&event),
        None => Err(Failure::NotThere(format!("there is no event {which} in this store"))),
    }
}
