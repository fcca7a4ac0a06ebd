use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::ui::{Exit, Failure};

use super::{Cli, Context};

const EXAMPLES: &str = "\
Examples:
  s3logs man | man -l -
  s3logs man sync > s3logs-sync.1";

/// Writes the manual page, of the program or of a verb
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The verb
    #[arg(value_name = "VERB")]
    verb: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    context.ui.bytes(&page(args.verb.as_deref())?)?;
    Ok(Exit::Done)
}

pub(super) fn page(verb: Option<&str>) -> Result<Vec<u8>, Failure> {
    // Building hands the options of all verbs down to each.
    let mut program = Cli::command();
    program.build();
    let command = match verb {
        None => program,
        Some(verb) => {
            let Some(command) = program.find_subcommand(verb) else {
                let verbs: Vec<&str> = program
                    .get_subcommands()
                    .map(clap::Command::get_name)
                    .collect();
                let hint = format!("verbs are {}", verbs.join(", "));
                return Err(Failure::usage(format!("there is no verb {verb}"), &hint));
            };
            command.clone().name(format!("s3logs-{verb}"))
        }
    };
    let mut page = Vec::new();
    let rendered = Man::new(command).render(&mut page);
    rendered.map_err(|error| Failure::output(&error))?;
    Ok(page)
}
