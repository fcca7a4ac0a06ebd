//! A place to run the real program in: a folder of its own, and nothing of this machine's settings.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::fake_s3::FakeS3;

/// No run of a test takes nearly as long; one that does hangs.
const LONGEST_RUN: Duration = Duration::from_mins(2);

/// An empty folder and a cleared environment. Everything is gone when it is dropped.
pub struct Env {
    folder: TempDir,
    variables: BTreeMap<&'static str, OsString>,
    /// What differs from run to run, and what stands for it in [`Ended::stdout`].
    placeholders: Vec<(String, &'static str)>,
}

/// A run under way. One that nobody waits for is killed.
#[must_use = "wait for it"]
pub struct Running {
    command: String,
    child: Child,
    stdout: Stream,
    stderr: Stream,
    placeholders: Vec<(String, &'static str)>,
    deadline: Instant,
}

/// A run that ended; its exit code must be checked before anything else.
#[must_use = "check the exit code"]
pub struct Run(Ended);

/// A run whose exit code is as expected. Output is shown with placeholders for folders and ports.
pub struct Ended {
    command: String,
    code: Option<i32>,
    stdout: String,
    raw_stdout: Vec<u8>,
    stderr: String,
}

impl Env {
    /// A new folder; no AWS settings, no configuration files, and a time zone that is easy to notice.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir(&path).expect("a folder in it");
            path.into_os_string()
        };
        let variables = BTreeMap::from([
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("HOME", inside("home")),
            ("TMPDIR", inside("tmp")),
            ("TZ", "Asia/Kathmandu".into()),
        ]);
        let placeholders = vec![
            (folder.path().display().to_string(), "[TEMP]"),
            (env!("CARGO_MANIFEST_DIR").to_owned(), "[REPOSITORY]"),
        ];
        Self {
            folder,
            variables,
            placeholders,
        }
    }

    /// An environment whose S3 is this server.
    pub fn with_s3(fake: &FakeS3) -> Self {
        let mut env = Self::new();
        let address = fake.endpoint().trim_start_matches("http://").to_owned();
        env.placeholders.push((address, "[S3]"));
        env.set("AWS_ENDPOINT_URL", fake.endpoint());
        env.set("AWS_REGION", "us-east-1");
        env.set("AWS_ACCESS_KEY_ID", fake.access_key());
        env.set("AWS_SECRET_ACCESS_KEY", fake.secret_key());
        env
    }

    /// Sets a variable for the runs to come.
    pub fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.variables.insert(name, value.into());
    }

    /// The full path of something in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Runs the program with these arguments and nothing on standard input.
    pub fn run(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        self.run_with_input(args, b"")
    }

    /// Runs the program with these bytes on standard input; what it does not read is lost.
    pub fn run_with_input(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &[u8],
    ) -> Run {
        self.run_program(Path::new(env!("CARGO_BIN_EXE_s3logs")), args, input)
    }

    /// Starts the program with these arguments and nothing on standard input.
    pub fn start(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Running {
        self.start_program(Path::new(env!("CARGO_BIN_EXE_s3logs")), args, b"")
    }

    /// Runs a shell script in which `s3logs` is the program.
    #[cfg(unix)]
    pub fn shell(&self, script: &str) -> Run {
        let program = env!("CARGO_BIN_EXE_s3logs");
        let script = format!("s3logs() {{ '{program}' \"$@\"; }}\n{script}");
        self.run_program(Path::new("/bin/sh"), ["-c", &script], b"")
    }

    fn run_program(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &[u8],
    ) -> Run {
        self.start_program(program, args, input).wait()
    }

    fn start_program(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &[u8],
    ) -> Running {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.variables);
        command.current_dir(self.folder.path());
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = format!("{command:?}");
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        let input = input.to_vec();
        // A thread of its own: a program that writes before it reads would wait for us for ever.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
        Running {
            command: shown,
            stdout: Stream::of(child.stdout.take().expect("it is piped")),
            stderr: Stream::of(child.stderr.take().expect("it is piped")),
            child,
            placeholders: self.placeholders.clone(),
            deadline: Instant::now() + LONGEST_RUN,
        }
    }
}

/// What a run writes, as it comes.
struct Stream {
    pieces: Receiver<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Stream {
    /// Reads in a thread of its own, so that the run never waits for us.
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let (sender, pieces) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        let bytes = Vec::new();
        Self { pieces, bytes }
    }

    /// Reads on until this holds, or else to the end. Returns whether that came in time.
    fn read(&mut self, deadline: Instant, enough: impl Fn(&[u8]) -> bool) -> bool {
        while !enough(&self.bytes) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(left) {
                Ok(piece) => self.bytes.extend(piece),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
        true
    }
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it what Ctrl-C sends.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        let script = format!("kill -INT {}", self.child.id());
        let sent = Command::new("/bin/sh").args(["-c", &script]).status();
        assert!(sent.expect("a shell").success(), "{script}");
    }

    /// Waits until it has written this to standard error.
    pub fn wait_for_stderr(&mut self, text: &str) {
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        self.stderr.read(self.deadline, holds);
        assert!(holds(&self.stderr.bytes), "never told: {text}");
    }

    /// Waits until it has written this to standard output.
    #[cfg(all(unix, feature = "query"))]
    pub fn wait_for_stdout(&mut self, text: &str) {
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        self.stdout.read(self.deadline, holds);
        assert!(holds(&self.stdout.bytes), "never told: {text}");
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) -> Run {
        self.child.kill().expect("a process of ours");
        self.wait()
    }

    /// The same after this time, unless it has ended by then.
    pub fn kill_after(mut self, time: Duration) -> Run {
        self.stdout.read(Instant::now() + time, |_| false);
        self.kill()
    }

    /// The same as soon as this holds, which is looked at all the time, unless it has ended by then.
    pub fn kill_when(mut self, mut due: impl FnMut() -> bool) -> Run {
        while !due() && !self.stdout.read(Instant::now(), |_| false) {}
        self.kill()
    }

    /// Waits until it ends; kills it and fails when that takes too long.
    pub fn wait(mut self) -> Run {
        // Both streams end with the process, or with the last of its children.
        let ended = self.stdout.read(self.deadline, |_| false)
            && self.stderr.read(self.deadline, |_| false);
        assert!(ended, "does not end: {}", self.command);
        let status = self.child.wait().expect("a process of ours");
        Run(Ended {
            command: std::mem::take(&mut self.command),
            code: status.code(),
            stdout: self.normal(&self.stdout.bytes),
            stderr: self.normal(&self.stderr.bytes),
            raw_stdout: std::mem::take(&mut self.stdout.bytes),
        })
    }

    fn normal(&self, output: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(output).into_owned();
        for (value, placeholder) in &self.placeholders {
            text = text.replace(value, placeholder);
        }
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; only this one process is meant, by its id.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Run {
    /// Fails unless the program ended with this code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Ended {
        let Self(ended) = self;
        ended.check(
            ended.code == Some(expected),
            &format!("exit code {expected} was expected"),
        );
        ended
    }

    /// Whether the program came to its end, with one of these codes, and no signal ended it.
    #[track_caller]
    pub fn ended_by_itself(self, codes: &[i32]) -> bool {
        let Self(ended) = self;
        let expected = ended.code.is_none_or(|code| codes.contains(&code));
        ended.check(expected, &format!("one of {codes:?} was expected"));
        ended.code.is_some()
    }

    /// Fails unless a signal ended the program.
    #[track_caller]
    pub fn killed(self) {
        let Self(ended) = self;
        ended.check(ended.code.is_none(), "an end by a signal was expected");
    }
}

impl Ended {
    /// Fails unless standard output holds this text.
    #[track_caller]
    pub fn stdout_contains(&self, text: &str) -> &Self {
        let found = self.stdout.contains(text);
        self.check(found, &format!("{text:?} was expected on stdout"));
        self
    }

    /// Fails unless standard error holds this text.
    #[track_caller]
    pub fn stderr_contains(&self, text: &str) -> &Self {
        let found = self.stderr.contains(text);
        self.check(found, &format!("{text:?} was expected on stderr"));
        self
    }

    /// Fails unless standard error is empty.
    #[track_caller]
    pub fn stderr_is_empty(&self) -> &Self {
        self.check(self.stderr.is_empty(), "nothing was expected on stderr");
        self
    }

    /// Standard output, with placeholders.
    pub fn stdout(&self) -> &str {
        &self.stdout
    }

    /// Standard error, with placeholders.
    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// Standard output as it was.
    pub fn raw_stdout(&self) -> &[u8] {
        &self.raw_stdout
    }

    /// The exit code and standard error, for snapshots.
    pub fn told(&self) -> String {
        format!("exit {}\n{}", self.code.unwrap_or(-1), self.stderr)
    }

    /// Standard output as it was, one JSON value a line. Fails if a line is none.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        let lines = self.raw_stdout.split(|byte| *byte == b'\n');
        let mut events = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let event = serde_json::from_slice(line);
            self.check(event.is_ok(), "JSON was expected on every line of stdout");
            events.extend(event.ok());
        }
        events
    }

    /// The events of one kind, in order.
    #[track_caller]
    pub fn events_of(&self, kind: &str) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| event["event"] == kind);
        events
    }

    #[track_caller]
    fn check(&self, holds: bool, what: &str) {
        let Self {
            command,
            code,
            stdout,
            stderr,
            ..
        } = self;
        assert!(
            holds,
            "{what}\n--- command\n{command}\n--- exit code\n{code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        );
    }
}

#[cfg(unix)]
mod tests {
    use super::*;

    fn sh(env: &Env, script: &str, input: &[u8]) -> Run {
        env.run_program(Path::new("/bin/sh"), ["-c", script], input)
    }

    /// The message of a panic.
    fn complaint(check: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let panic = std::panic::catch_unwind(check).expect_err("the check was expected to fail");
        *panic.downcast::<String>().expect("a message")
    }

    #[test]
    fn nothing_of_this_machine_is_seen() {
        let mut env = Env::new();
        env.set("EXTRA", "1");
        let ended = sh(&env, "env", b"").code(0);
        let names = ended
            .stdout()
            .lines()
            .filter_map(|line| line.split('=').next());
        // The shell adds some of its own.
        let own = ["PWD", "SHLVL", "_", "OLDPWD"];
        let mut names: Vec<&str> = names.filter(|name| !own.contains(name)).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["AWS_EC2_METADATA_DISABLED", "EXTRA", "HOME", "TMPDIR", "TZ"]
        );
        ended.stdout_contains("HOME=[TEMP]/home").stderr_is_empty();
        assert!(env.path("tmp").is_dir());
    }

    #[test]
    fn a_failed_check_shows_everything() {
        let env = Env::new();
        let script = "cat; echo to err >&2; exit 4";
        let ended = sh(&env, script, b"to out").code(4);
        assert_eq!((ended.stdout(), ended.stderr()), ("to out", "to err\n"));
        for shown in [
            complaint(|| drop(sh(&Env::new(), script, b"to out").code(0))),
            complaint(|| drop(sh(&Env::new(), script, b"to out").code(4).events())),
            complaint(|| {
                sh(&Env::new(), script, b"to out")
                    .code(4)
                    .stdout_contains("err");
            }),
            complaint(|| {
                sh(&Env::new(), script, b"to out")
                    .code(4)
                    .stderr_contains("out");
            }),
            complaint(|| {
                sh(&Env::new(), script, b"to out").code(4).stderr_is_empty();
            }),
        ] {
            for part in [script, "Some(4)", "to out", "to err"] {
                assert!(shown.contains(part), "{part} is not in {shown}");
            }
        }
    }

    #[test]
    fn events_are_lines_of_json() {
        let ended = sh(
            &Env::new(),
            r#"echo '{"event":"a","n":1}'; echo '{"event":"b"}'"#,
            b"",
        );
        let ended = ended.code(0);
        assert_eq!(ended.events().len(), 2);
        assert_eq!(ended.events_of("a")[0]["n"], 1);
    }

    #[test]
    fn runs_are_interrupted_and_killed_by_their_id() {
        let env = Env::new();
        let start = |script| env.start_program(Path::new("/bin/sh"), ["-c", script], b"");
        let asleep = "exec 1>&- 2>&-; exec sleep 600";
        start(asleep).kill().killed();
        let running = start("exec sleep 600");
        running.interrupt();
        running.wait().killed();
        let id = start("exec sleep 600").id();
        let left = std::fs::exists(format!("/proc/{id}")).unwrap_or(false);
        assert!(!left, "nobody waited for it");
        env.shell("s3logs --version")
            .code(0)
            .stdout_contains("s3logs ");
    }

    #[test]
    fn input_that_is_not_read_stops_nobody() {
        let large = vec![b'x'; 1 << 20];
        sh(&Env::new(), "exit 0", &large).code(0).stderr_is_empty();
    }
}
