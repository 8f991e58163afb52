//! `annals export`.

use std::collections::HashMap;

use annals::store::{LogFilter, LogQuery, Operate, StreamQuery};
use annals::{Position, RecordedEvent, RegisteredSchema};
use serde::Serialize;

use crate::arguments::Export;
use crate::failure::Failure;
use crate::file::{NewFile, event_line, schema_line};
use crate::screen::{Progress, Screen, Unit};

/// How many events are read at a time.
const PAGE: usize = 1_000;

#[derive(Serialize)]
struct Exported {
    events: u64,
    schemas: u64,
    head: u64,
    file: Option<String>,
}

pub(crate) async fn export(
    store: &dyn Operate,
    export: &Export,
    screen: &mut Screen,
) -> Result<(), Failure> {
    // What is appended from now on is not in the file, and its schemas may be.
    let head = store.head().await?;
    let schemas = store.schemas().await?;
    let out = match &export.out {
        Some(path) => Out::File(NewFile::create(path, export.overwrite)?),
        None => Out::Screen(screen),
    };
    let mut writer = Writer::new(out, schemas);
    match &export.stream {
        Some(_) => stream(store, export, head, &mut writer).await?,
        None => log(store, export, head, &mut writer).await?,
    }
    let Writer { out, events, written, .. } = writer;
    let file = match out {
        Out::File(file) => Some(file.finish()?),
        Out::Screen(screen) => {
            screen.flush()?;
            None
        }
    };
    let exported = Exported { events, schemas: written, head: head.get(), file };
    match &exported.file {
        Some(_) if screen.is_json() => screen.json(&exported),
        Some(file) => screen.line(&format!("{events} events written to {file}")),
        None => Ok(()),
    }
}

async fn stream(
    store: &dyn Operate,
    export: &Export,
    head: Position,
    writer: &mut Writer<'_>,
) -> Result<(), Failure> {
    let Some(stream) = &export.stream else { return Ok(()) };
    let mut query = StreamQuery::all(stream.clone()).limit(PAGE);
    let progress = Progress::new(None, Unit::Events);
    loop {
        let page = store.read_stream(&query).await?;
        let until_now = page.iter().take_while(|event| event.position <= head);
        until_now.into_iter().try_for_each(|event| writer.event(event))?;
        progress.reach(writer.events);
        match page.last() {
            Some(last) if last.position < head => query = query.after(last.version),
            Some(_) => return Ok(()),
            None if writer.events > 0 => return Ok(()),
            None => return Err(Failure::NotThere(format!("there is no stream `{stream}`"))),
        }
    }
}

async fn log(
    store: &dyn Operate,
    export: &Export,
    head: Position,
    writer: &mut Writer<'_>,
) -> Result<(), Failure> {
    let filter = LogFilter { categories: export.category.clone(), ..LogFilter::default() };
    let mut query = LogQuery::after(Position::START).up_to(head).filter(filter).limit(PAGE);
    let progress = Progress::new(Some(head.get()), Unit::Events);
    while query.after < head {
        let page = store.read_log(&query).await?;
        page.check_after(query.after)?;
        page.events.iter().try_for_each(|event| writer.event(event))?;
        query.after = page.next;
        progress.reach(query.after.get());
    }
    Ok(())
}

enum Out<'o> {
    File(NewFile),
    Screen(&'o mut Screen),
}

impl Out<'_> {
    fn line(&mut self, text: String) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.line(&text),
            Self::Screen(screen) => screen.json_line(text),
        }
    }
}

/// Writes events, each schema before its first event.
struct Writer<'o> {
    out: Out<'o>,
    /// Those that were not written yet.
    schemas: HashMap<String, Vec<RegisteredSchema>>,
    events: u64,
    written: u64,
}

impl<'o> Writer<'o> {
    fn new(out: Out<'o>, known: Vec<RegisteredSchema>) -> Self {
        let mut schemas: HashMap<String, Vec<RegisteredSchema>> = HashMap::new();
        for schema in known {
            schemas.entry(schema.event_type.clone()).or_default().push(schema);
        }
        Self { out, schemas, events: 0, written: 0 }
    }

    fn event(&mut self, event: &RecordedEvent) -> Result<(), Failure> {
        let failed = |error: serde_json::Error| {
            Failure::Io(format!("event {} is no JSON: {error}", event.position))
        };
        if let Some(schemas) = self.schemas.get_mut(event.event_type.as_str())
            && let Some(nth) = schemas.iter().position(|one| one.version == event.schema_version)
        {
            self.out.line(schema_line(&schemas.swap_remove(nth)).map_err(failed)?)?;
            self.written += 1;
        }
        self.out.line(event_line(event).map_err(failed)?)?;
        self.events += 1;
        Ok(())
    }
}
