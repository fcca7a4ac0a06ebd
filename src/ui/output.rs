//! Standard output: the result of a verb, and only that.

use std::io::{self, BufWriter, Write};
use std::sync::{Mutex, PoisonError};

/// One writer for all threads. Holds at most 64 KiB that are not written yet.
///
/// After an error nothing more is written, and every call returns an error of the same kind.
pub struct Output(Mutex<Inner>);

struct Inner {
    writer: BufWriter<Box<dyn Write + Send>>,
    broken: Option<io::ErrorKind>,
}

const BUFFER: usize = 64 << 10;

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::to(io::stdout())
    }

    /// Any other writer.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Inner {
            writer: BufWriter::with_capacity(BUFFER, Box::new(writer)),
            broken: None,
        }))
    }

    /// Writes all bytes, at the latest with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// What the stream reports, now or before; a closed pipe as [`io::ErrorKind::BrokenPipe`].
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.with(|writer| writer.write_all(bytes))
    }

    /// Hands everything on to the reader.
    ///
    /// # Errors
    /// See [`write`](Self::write).
    pub fn flush(&self) -> io::Result<()> {
        self.with(Write::flush)
    }

    fn with(
        &self,
        act: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = inner.broken {
            return Err(kind.into());
        }
        let result = act(&mut inner.writer);
        if let Err(error) = &result {
            inner.broken = Some(error.kind());
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_stays_closed() {
        let output = Output::to(Closed);
        output.write(b"row\n").expect("it is buffered");
        let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
        assert_eq!(kind(output.flush()), Err(io::ErrorKind::BrokenPipe));
        assert_eq!(kind(output.write(b"row\n")), Err(io::ErrorKind::BrokenPipe));
    }
}
