//! The text of the man pages.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap_mangen::Man;
use netweir::cli::{Manual, manuals};
use netweir::exit_code::ExitCode;

/// The pages, each with its name and its text.
pub(crate) fn pages() -> io::Result<Vec<(String, String)>> {
    let manuals = manuals();
    let names: Vec<_> = manuals.iter().map(name).collect();
    let pages = manuals.iter().map(|manual| {
        let mut page = Vec::new();
        let man = Man::new(manual.command.clone()).manual("netweir manual");
        man.render_title(&mut page)?;
        // Names of variables may fill a line, which cannot be adjusted then.
        writeln!(page, ".ds AD l\n.ad l")?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        writeln!(page, ".PP\n{}", roff(manual.details))?;
        man.render_options_section(&mut page)?;
        if manual.command.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
        }
        let page = String::from_utf8_lossy(&page).into_owned() + &sections(manual, &names);
        Ok((name(manual), page))
    });
    pages.collect()
}

fn name(manual: &Manual) -> String {
    let command = &manual.command;
    let name = command.get_display_name();
    name.unwrap_or_else(|| command.get_name()).to_owned()
}

/// The sections that clap knows nothing of.
fn sections(manual: &Manual, names: &[String]) -> String {
    let mut text = ".SH \"EXIT STATUS\"\n".to_owned();
    for code in ExitCode::ALL {
        entry(&mut text, &code.number().to_string(), code.meaning());
    }
    if !manual.environment.is_empty() {
        text += ".SH ENVIRONMENT\n";
        for (variable, about) in &manual.environment {
            entry(&mut text, variable, about);
        }
    }
    if !manual.examples.is_empty() {
        text += ".SH EXAMPLES\n";
        for (line, about) in manual.examples {
            entry(&mut text, line, about);
        }
    }
    let own = name(manual);
    let others = names.iter().filter(|name| **name != own);
    let others: Vec<_> = others.map(|name| format!("{}(1)", roff(name))).collect();
    writeln!(text, ".SH \"SEE ALSO\"\n{}, nft(8)", others.join(", ")).expect("a string takes text");
    text
}

fn entry(text: &mut String, term: &str, about: &str) {
    let (term, about) = (roff(term), roff(about));
    writeln!(text, ".TP\n\\fB{term}\\fR\n{about}").expect("a string takes text");
}

/// The text with its special characters escaped, as in `groff_char(7)`.
fn roff(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('-', "\\-")
        .replace('\'', "\\*(Aq")
}
