//! One file a command.

mod completions;
mod consumers;
mod doctor;
mod event;
mod export;
mod head;
mod import;
mod list;
mod members;
mod migrate;
mod outbox;
mod parked;
mod requests;
mod sagas;
mod schema;
mod search;
mod show;
mod tail;

use crate::arguments::{Arguments, Command, Events, Sagas, Streams};
use crate::failure::Failure;
use crate::place::Place;
use crate::screen::Screen;

/// Does what the command line says.
pub(crate) async fn run(arguments: Arguments, screen: &mut Screen) -> Result<(), Failure> {
    let command = match arguments.command {
        Command::Completions { shell } => return completions::completions(shell),
        Command::Man => return completions::man(),
        Command::Sagas(Sagas::Replay { file }) => return sagas::replay(&file, screen),
        command => command,
    };
    let place = Place::find(arguments.store.as_deref())?;
    match command {
        Command::Migrate => migrate::migrate(&place, screen).await,
        Command::Doctor(doctor) => doctor::doctor(&place, &doctor, screen).await,
        command => {
            let store = place.open().await?;
            match command {
                Command::Head => head::head(&*store, screen).await,
                Command::Streams(Streams::List { category, limit, after }) => {
                    list::list(&*store, category, after, limit, screen).await
                }
                Command::Streams(Streams::Show { stream, from, limit, backward }) => {
                    show::show(&*store, stream, from, limit, backward, screen).await
                }
                Command::Streams(Streams::Tail {
                    stream,
                    follow,
                    types,
                    category,
                    after,
                    limit,
                }) => {
                    let wanted = tail::Wanted::new(stream, types, category);
                    tail::tail(store, wanted, after, limit, follow, screen).await
                }
                Command::Events(Events::Show { event }) => {
                    event::event(&*store, &event, screen).await
                }
                Command::Events(Events::Search(search)) => {
                    search::search(&*store, &search, screen).await
                }
                Command::Export(export) => export::export(&*store, &export, screen).await,
                Command::Import(import) => import::import(&*store, &import, screen).await,
                Command::Schema(schemas) => schema::schema(store, schemas, screen).await,
                Command::Consumers(consumers) => {
                    consumers::consumers(store, consumers, screen).await
                }
                Command::Outbox(outbox) => outbox::outbox(store, outbox, screen).await,
                Command::Parked(parked) => parked::parked(store, parked, screen).await,
                Command::Sagas(sagas) => sagas::sagas(store, sagas, screen).await,
                Command::Members => members::members(&*store, screen).await,
                Command::Requests(requests) => requests::requests(&*store, requests, screen).await,
                Command::Migrate
                | Command::Doctor(_)
                | Command::Completions { .. }
                | Command::Man => Ok(()),
            }
        }
    }
}
