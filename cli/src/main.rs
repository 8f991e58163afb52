//! `annals`: the operator's command. It looks at a store, copies it, and finds out what is wrong with
//! it, with none of the user's code.

mod arguments;
mod commands;
mod ending;
mod failure;
mod file;
mod place;
mod redact;
mod screen;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use failure::Failure;
use redact::redact;
use screen::Screen;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return explain_usage(&error),
    };
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
    use std::io::Write;

    let text = redact(&error.render().to_string());
    if error.use_stderr() {
        eprint!("{text}");
        return ExitCode::from(failure::USAGE);
    }
    // A closed pipe is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
