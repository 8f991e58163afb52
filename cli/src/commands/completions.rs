//! `annals completions SHELL`, `annals man`.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;

pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "annals", &mut script);
    write(&script)
}

/// One page with every command in it.
pub(crate) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let failed = |error: io::Error| Failure::Io(error.to_string());
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
    subcommands(&command, &mut page).map_err(failed)?;
    write(&page)
}

/// The commands beneath, each with its synopsis and options.
fn subcommands(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for sub in command.get_subcommands() {
        if sub.get_subcommands().next().is_some() {
            subcommands(sub, page)?;
            continue;
        }
        let name = sub.get_bin_name().unwrap_or(sub.get_name()).to_uppercase();
        writeln!(page, ".SH \"{name}\"")?;
        let man = clap_mangen::Man::new(sub.clone());
        let mut text = Vec::new();
        man.render_synopsis_section(&mut text)?;
        man.render_description_section(&mut text)?;
        man.render_options_section(&mut text)?;
        // Its sections become parts of this one.
        let text = String::from_utf8_lossy(&text).replace(".SH ", ".SS ");
        page.write_all(text.as_bytes())?;
    }
    Ok(())
}

fn write(text: &[u8]) -> Result<(), Failure> {
    let written = io::stdout().write_all(text);
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Io(error.to_string()),
    })
}
