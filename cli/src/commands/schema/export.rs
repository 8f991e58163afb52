//! `annals schema export`.

use annals::outbox::{Contract, ContractError, Service, asyncapi, contracts, public_events};
use annals::store::Operate;
use serde::Serialize;

use super::files::Files;
use super::own;
use crate::arguments::ExportSchemas;
use crate::failure::Failure;
use crate::screen::Screen;

#[derive(Serialize)]
struct Exported<'e> {
    directory: String,
    /// All of them, by their names in the directory.
    files: Vec<&'e str>,
    /// How many are new or have changed.
    written: usize,
}

pub(super) async fn export(
    store: &dyn Operate,
    log: &dyn Operate,
    wanted: &ExportSchemas,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let contracts = chosen(contracts(store).await?, &wanted.route)?;
    let own = if wanted.private { own(log).await? } else { Vec::new() };
    if contracts.is_empty() && own.is_empty() {
        return Err(Failure::NotThere(nothing(wanted.private).to_owned()));
    }
    let refused = |error: ContractError| Failure::Refused(error.to_string());
    let document = asyncapi(&contracts, &service(&contracts, wanted)).map_err(refused)?;
    let Some(directory) = &wanted.out else { return screen.json(&document) };
    let mut files = Files::default();
    if !contracts.is_empty() {
        files.add("asyncapi.json".to_owned(), &document)?;
    }
    for event in public_events(&contracts).map_err(refused)? {
        files.add(format!("public/{}", event.file_name()), &event.document())?;
    }
    for event in own {
        files.add(format!("private/{}", event.file_name()), &event.document())?;
    }
    let written = files.write(directory, wanted.overwrite)?;
    let directory = directory.display().to_string();
    let exported = Exported { directory, files: files.names(), written };
    if screen.is_json() {
        return screen.json(&exported);
    }
    let Exported { directory, files, written } = exported;
    let count = files.len();
    screen.line(&format!("{directory}: {count} files, of which {written} are new or have changed"))
}

/// The contracts of the routes that are meant.
fn chosen(mut contracts: Vec<Contract>, routes: &[String]) -> Result<Vec<Contract>, Failure> {
    let is_there = |route: &&String| contracts.iter().any(|one| one.route == **route);
    if let Some(missing) = routes.iter().find(|route| !is_there(route)) {
        return Err(Failure::NotThere(format!(
            "no program has started a route `{missing}` here: `annals schema list` shows those there are"
        )));
    }
    contracts.retain(|one| routes.is_empty() || routes.contains(&one.route));
    Ok(contracts)
}

fn nothing(private: bool) -> &'static str {
    match private {
        true => {
            "there is nothing to export: no event has a schema here, and no route was ever started"
        }
        false => {
            "there is nothing to export: a route is known here when a program that publishes by it has \
             started; --private exports the schemas of the store's own events"
        }
    }
}

fn service(contracts: &[Contract], wanted: &ExportSchemas) -> Service {
    let Service { title, version } = Service::of(contracts);
    Service {
        title: wanted.title.clone().unwrap_or(title),
        version: wanted.api_version.clone().unwrap_or(version),
    }
}
