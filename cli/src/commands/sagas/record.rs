//! `annals sagas record`.

use std::path::Path;

use annals::sagas::ops::{self, Shown};
use annals::sagas::{History, Phase, Recording};
use annals::store::MAX_STREAMS;
use serde::Serialize;

use super::{Sides, unknown};
use crate::arguments::Record;
use crate::failure::Failure;
use crate::file::NewFile;
use crate::screen::Screen;

#[derive(Serialize)]
struct Recorded {
    instances: usize,
    steps: usize,
    file: String,
}

pub(super) async fn record(
    sides: &Sides,
    record: &Record,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let out = match record.to == Path::new("-") {
        true => Out::Screen(screen),
        false => Out::File(NewFile::create(&record.to, record.overwrite)?, screen),
    };
    let mut writer = Writer { out, saga: &record.saga, instances: 0, steps: 0 };
    let more = match record.instances.is_empty() {
        true => those_that_are(sides, record, &mut writer).await?,
        false => those_named(sides, record, &mut writer).await.map(|()| false)?,
    };
    writer.finish()?;
    if more {
        let limit = record.limit;
        eprintln!("annals: there may be more instances than {limit}: raise `--limit`");
    }
    Ok(())
}

async fn those_named(
    sides: &Sides,
    record: &Record,
    writer: &mut Writer<'_>,
) -> Result<(), Failure> {
    for instance in &record.instances {
        match ops::show(&*sides.log, &record.saga, instance).await? {
            Some(shown) => writer.history(shown)?,
            None => return Err(unknown(&*sides.work, &record.saga, Some(instance)).await),
        }
    }
    Ok(())
}

/// Says whether there may be more.
async fn those_that_are(
    sides: &Sides,
    record: &Record,
    writer: &mut Writer<'_>,
) -> Result<bool, Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = ops::names(&*sides.log, &record.saga, after.as_deref(), MAX_STREAMS).await?;
        for instance in &page {
            if writer.instances == record.limit {
                return Ok(true);
            }
            let shown = ops::show(&*sides.log, &record.saga, instance).await?;
            let is_wanted =
                |shown: &Shown| !record.ended || matches!(shown.ledger.phase(), Phase::Ended(_));
            if let Some(shown) = shown.filter(is_wanted) {
                writer.history(shown)?;
            }
        }
        after = page.last().cloned();
        if page.len() < MAX_STREAMS {
            break;
        }
    }
    match writer.instances {
        0 if after.is_none() => Err(unknown(&*sides.work, &record.saga, None).await),
        0 => {
            let saga = &record.saga;
            Err(Failure::NotThere(format!("no instance of the saga `{saga}` has ended")))
        }
        _ => Ok(false),
    }
}

enum Out<'o> {
    File(NewFile, &'o mut Screen),
    Screen(&'o mut Screen),
}

/// Writes instances, and before the first what it is that is written.
struct Writer<'o> {
    out: Out<'o>,
    saga: &'o str,
    instances: usize,
    steps: usize,
}

impl Writer<'_> {
    fn history(&mut self, shown: Shown) -> Result<(), Failure> {
        let io = |error: std::io::Error| Failure::Io(error.to_string());
        if self.instances == 0 {
            self.line(Recording::header(self.saga).map_err(io)?)?;
        }
        self.instances += 1;
        self.steps += shown.steps.len();
        self.line(History::from(shown).line().map_err(io)?)
    }

    fn line(&mut self, text: String) -> Result<(), Failure> {
        match &mut self.out {
            Out::File(file, _) => file.line(&text),
            Out::Screen(screen) => screen.json_line(text),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let Self { out, instances, steps, .. } = self;
        let Out::File(file, screen) = out else { return Ok(()) };
        let recorded = Recorded { instances, steps, file: file.finish()? };
        match screen.is_json() {
            true => screen.json(&recorded),
            false => {
                let file = recorded.file;
                screen.line(&format!("{instances} instances, {steps} steps written to {file}"))
            }
        }
    }
}
