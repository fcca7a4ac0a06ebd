use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::ui::{Exit, Failure};

use super::{Cli, Context};

const EXAMPLES: &str = "\
Examples:
  s3logs completions bash > ~/.local/share/bash-completion/completions/s3logs
  s3logs completions zsh > ~/.zfunc/_s3logs
  s3logs completions fish > ~/.config/fish/completions/s3logs.fish";

/// Writes a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "s3logs", &mut script);
    context.ui.bytes(&script)?;
    Ok(Exit::Done)
}
