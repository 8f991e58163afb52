//! The operator's command of Annals, `annals`: it looks at a store, copies it, and finds out what is wrong
//! with it, with none of the user's code. It is a library only so that tests can run it as it is.

mod arguments;
mod commands;
mod ending;
mod failure;
mod file;
mod place;
mod redact;
mod screen;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use failure::Failure;
use redact::redact;
use screen::Screen;

/// Does what the command line of this process says.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain_usage(&error),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => {
            let failure = Failure::Io(format!("no threads can be started: {error}"));
            failure.say(arguments.json);
            ExitCode::from(failure.code())
        }
    }
}

async fn run(arguments: Arguments) -> ExitCode {
    let json = arguments.json;
    let mut screen = Screen::new(json, arguments.no_color);
    let done = commands::run(arguments, &mut screen).await;
    match done.and_then(|()| screen.flush()) {
        // Whoever reads has had enough.
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(failure) => {
            // What was found until then is shown.
            let _ = screen.flush();
            failure.say(json);
            ExitCode::from(failure.code())
        }
    }
}

/// Help and versions go to the standard output, mistakes do not. A URL may stand in a wrong place.
fn explain_usage(error: &clap::Error) -> ExitCode {
    let text = redact(&error.render().to_string());
    if error.use_stderr() {
        eprint!("{text}");
        return ExitCode::from(failure::USAGE);
    }
    // A closed pipe is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
