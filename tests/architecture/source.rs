//! A source file as the rules see it: code without comments and literals.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Comments, strings and characters: what looks like code in them is none.
static NO_CODE: LazyLock<Regex> = LazyLock::new(|| {
    let comment = r"//[^\n]*|/\*.*?\*/";
    let raw = r##"b?r"[^"]*"|b?r#".*?"#"##;
    let text = r#"b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])'"#;
    Regex::new(&format!("(?s){comment}|{raw}|{text}")).expect("a constant pattern")
});

/// Beginnings of paths that may leave the module, and what follows them.
static PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(crate|s3logs|super)::(?:super::)*(\w+|\{)").expect("a constant pattern")
});

/// A named function's head.
static FUNCTION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bfn\s+(\w+)").expect("a constant pattern"));

/// One file.
pub(super) struct Source {
    /// Its path from the top of the repository, with `/`.
    pub(super) path: String,
    /// Its code, every comment and literal blanked.
    pub(super) code: String,
}

/// Something that was found, and on which line.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) line: usize,
    /// How many lines it takes.
    pub(super) lines: usize,
}

impl Source {
    /// All `.rs` files below a top-level folder, sorted by path.
    pub(super) fn all_below(folder: &str) -> Vec<Self> {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        let mut folders = vec![top.join(folder)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder of the repository") {
                let path = entry.expect("an entry of that folder").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let relative = path.strip_prefix(top).expect("it lies below the top");
                    found.push(Self {
                        path: relative.to_string_lossy().replace('\\', "/"),
                        code: code_of(&fs::read_to_string(&path).expect("a text file")),
                    });
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// The top-level module the file belongs to; `main` and `lib` for the roots.
    pub(super) fn module(&self) -> &str {
        let below = self.path.split('/').nth(1).unwrap_or_default();
        below.strip_suffix(".rs").unwrap_or(below)
    }

    /// Every match of a pattern.
    pub(super) fn find(&self, pattern: &str) -> Vec<Found> {
        let pattern = Regex::new(pattern).expect("a constant pattern");
        let all = pattern.find_iter(&self.code);
        all.map(|hit| self.found(hit.as_str(), hit.start(), 1))
            .collect()
    }

    /// First segments of all paths from the root of the crate, and of those that `super` leads out.
    pub(super) fn imports(&self) -> Vec<Found> {
        let mut imports = Vec::new();
        for hit in PATH.captures_iter(&self.code) {
            let (root, next) = (&hit[1], hit.get(2).expect("the pattern has it"));
            let names = match next.as_str() {
                "{" => group(&self.code[next.start()..]),
                name => vec![name.to_owned()],
            };
            for name in names {
                if root != "super" || !self.has_sibling(&name) {
                    imports.push(self.found(&name, next.start(), 1));
                }
            }
        }
        imports
    }

    /// The functions with a body.
    pub(super) fn functions(&self) -> Vec<Found> {
        let heads = FUNCTION.captures_iter(&self.code);
        heads.filter_map(|head| self.function(&head)).collect()
    }

    fn function(&self, head: &Captures<'_>) -> Option<Found> {
        let start = head.get(0)?.start();
        let mut open = 0_usize;
        for (at, letter) in self.code[start..].char_indices() {
            match letter {
                '(' | '[' => open += 1,
                ')' | ']' => open -= 1,
                ';' if open == 0 => return None,
                '{' if open == 0 => {
                    let body = start + at;
                    let end = body + balanced(&self.code[body..]);
                    let lines = self.code[start..end].lines().count();
                    return Some(self.found(&head[1], start, lines));
                }
                _ => {}
            }
        }
        None
    }

    /// Whether a module of this name lies beside the file.
    fn has_sibling(&self, name: &str) -> bool {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&self.path);
        let folder = folder.parent().expect("a file lies in a folder");
        !folder.ends_with("src")
            && (folder.join(format!("{name}.rs")).exists() || folder.join(name).exists())
    }

    fn found(&self, name: &str, at: usize, lines: usize) -> Found {
        let line = self.code[..at].matches('\n').count() + 1;
        let name = name.to_owned();
        Found { name, line, lines }
    }
}

/// The text with every comment and literal blanked; lines stay where they are.
pub(super) fn code_of(text: &str) -> String {
    let blank = |hit: &Captures<'_>| {
        let keep_lines = |letter| if letter == '\n' { '\n' } else { ' ' };
        hit[0].chars().map(keep_lines).collect::<String>()
    };
    NO_CODE.replace_all(text, blank).into_owned()
}

/// Length of the text up to the brace that closes the one it begins with.
fn balanced(text: &str) -> usize {
    let mut open = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' if open == 1 => return at + 1,
            '}' => open -= 1,
            _ => {}
        }
    }
    text.len()
}

/// First segments of the paths in `{a::b, c::{d, e}, f}`.
fn group(text: &str) -> Vec<String> {
    let inner = &text[1..balanced(text) - 1];
    let (mut names, mut open, mut name) = (Vec::new(), 0_usize, String::new());
    for letter in inner.chars().chain([',']) {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            ',' if open == 0 => names.push(std::mem::take(&mut name)),
            letter if open == 0 => name.push(letter),
            _ => {}
        }
    }
    let first = |name: &String| name.trim().split("::").next().map(str::to_owned);
    names.iter().filter_map(first).collect()
}
