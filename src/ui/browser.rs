//! Pages in the user's browser.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Ui;

impl Ui {
    /// Hands a file to the program that shows pages. Where that fails, the user is told, and the file is
    /// there all the same.
    pub fn show_page(&self, page: &Path) {
        let program = if cfg!(target_os = "macos") {
            "open"
        } else {
            "xdg-open"
        };
        let done = Command::new(program)
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !done.is_ok_and(|status| status.success()) {
            self.alert(&format!("{program} cannot open {}", page.display()));
        }
    }
}
