//! Lines that the user types, with history.

use std::fs;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::Failure;

/// Lines that are kept.
const KEPT: usize = 1000;

/// A prompt on the terminal.
pub struct Prompt {
    editor: Editor<(), FileHistory>,
    history: Option<PathBuf>,
}

/// What the user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Typed a line.
    Text(String),
    /// Threw it away with Ctrl-C.
    Cleared,
    /// Ended the input.
    End,
}

impl Prompt {
    /// A prompt whose lines are remembered in a file, if it can be read and written.
    ///
    /// # Errors
    /// Where the terminal cannot be used.
    pub fn new(history: Option<PathBuf>) -> Result<Self, Failure> {
        let config = Config::builder().max_history_size(KEPT);
        let config = config.and_then(|config| config.history_ignore_dups(true));
        let config = config.map_err(|error| failure(&error))?.build();
        let mut editor = Editor::with_config(config).map_err(|error| failure(&error))?;
        if let Some(file) = &history {
            // Without a history there is still a prompt.
            drop(file.parent().map(fs::create_dir_all));
            drop(editor.load_history(file));
        }
        Ok(Self { editor, history })
    }

    /// Waits for a line; `more` if it goes on what came before.
    ///
    /// # Errors
    /// Where the terminal fails.
    pub fn read(&mut self, more: bool) -> Result<Line, Failure> {
        match self
            .editor
            .readline(if more { "   ...> " } else { "s3logs> " })
        {
            Ok(line) => Ok(Line::Text(line)),
            Err(ReadlineError::Interrupted) => Ok(Line::Cleared),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(failure(&error)),
        }
    }

    /// Keeps a line in the history.
    pub fn remember(&mut self, line: &str) {
        drop(self.editor.add_history_entry(line));
        if let Some(file) = &self.history {
            drop(self.editor.append_history(file));
        }
    }
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prompt").finish_non_exhaustive()
    }
}

fn failure(error: &ReadlineError) -> Failure {
    let error = std::io::Error::other(error.to_string());
    Failure::file("use", "the terminal", &error)
}
