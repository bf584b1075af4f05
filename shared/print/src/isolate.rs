//! Inspection in a child process, so that a hostile file costs only its own letter.
//!
//! No parser survives a stack that overflows, memory that runs out, or a loop that does not end. The child may: it limits
//! its own memory, the parent limits its time, and what kills it is a finding about the document. The child is kept from
//! one document to the next, because starting it costs more than inspecting one.
//!
//! On the wire, both ways: a length of four bytes, little-endian, then that many bytes. A request is a header in JSON
//! followed by the document, which is another such frame; an answer is a [`Report`] in JSON.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::inspect::{Finding, Limits, Report, inspect};

/// A program whose first argument is this must call [`serve`] and nothing else.
pub const CHILD_ARGUMENT: &str = "inspect-child";

/// How long one document may take, by default. Ordinary ones take milliseconds.
const TIME: Duration = Duration::from_secs(10);

/// Address space of the child, bytes: room for the largest document allowed, its parsed form, and the parser's stack.
const MEMORY: u64 = 512 << 20;

/// How often a document is tried that ends its child: the child may have died of something else.
const TRIES: u32 = 2;

/// The longest answer a child is believed, bytes: some hundred findings are far less.
const MAX_ANSWER: u32 = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    limits: Limits,
}

/// The parent's side: one long-lived child at a time, replaced when it dies.
#[derive(Debug)]
pub struct Inspector {
    program: PathBuf,
    arguments: Vec<OsString>,
    time: Duration,
    child: Option<Child>,
}

/// Why a child gave no report.
enum Loss {
    /// It did not answer in time.
    Slow,
    /// It died, or its answer made no sense.
    Died,
    /// It could not be asked, which is no fault of the document.
    Unasked(io::Error),
}

impl Inspector {
    /// Starts a child: `program`, usually the running one, with `arguments`, usually [`CHILD_ARGUMENT`].
    ///
    /// # Errors
    /// The child cannot be started.
    pub fn spawn<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> io::Result<Self> {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        let mut inspector = Self { program: program.to_owned(), arguments, time: TIME, child: None };
        inspector.child = Some(inspector.start()?);
        Ok(inspector)
    }

    /// Another time limit for one document than 10 seconds.
    #[must_use]
    pub fn with_time_limit(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    fn start(&self) -> io::Result<Child> {
        // What a dying parser says may quote the document, so nobody hears it. The environment can hold keys that a child
        // which reads strangers' files has no use for.
        Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }

    /// Inspects one document in the child. A document that takes too long, or twice ends its child, is refused as
    /// `document.hostile`. Blocks for at most the time limit, twice that if the child dies first.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later.
    pub fn inspect(&mut self, bytes: &[u8], limits: &Limits) -> io::Result<Report> {
        if bytes.len() as u64 > limits.max_bytes {
            // No parser will see it, and it may be larger than a frame.
            return Ok(inspect(bytes, limits));
        }
        let header = serde_json::to_vec(&Header { limits: limits.clone() })?;
        for _ in 0..TRIES {
            let mut child = match self.child.take() {
                Some(child) => child,
                None => self.start()?,
            };
            match ask(&mut child, &header, bytes, self.time) {
                Ok(report) => {
                    self.child = Some(child);
                    return Ok(report);
                }
                // What was slow once is slow again.
                Err(Loss::Slow) => break,
                Err(Loss::Died) => {}
                Err(Loss::Unasked(error)) => return Err(error),
            }
        }
        let message = "The file cannot be inspected safely. Print the document to a new PDF and send that file.";
        let finding = Finding::refuse("document.hostile", message);
        Ok(Report { findings: vec![finding], ..Report::default() })
    }
}

impl Drop for Inspector {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child);
        }
    }
}

/// Kills a child and waits for it, so that no zombie is left. Both fail only if it is gone already.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// One exchange with a child. After a loss the child is dead and waited for.
fn ask(child: &mut Child, header: &[u8], bytes: &[u8], time: Duration) -> Result<Report, Loss> {
    let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
        end(child);
        return Err(Loss::Died);
    };
    // Pipes have no timeout. Whoever waits on them is another thread, which the end of the child sets free.
    let outcome = std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let exchange = move || {
            let mut exchange = || -> io::Result<Vec<u8>> {
                write_frame(&mut input, header)?;
                write_frame(&mut input, bytes)?;
                input.flush()?;
                read_frame(&mut output, MAX_ANSWER)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            };
            let answer = exchange();
            // The receiver is gone if the time was up.
            let _ = sender.send((answer, input, output));
        };
        if let Err(error) = std::thread::Builder::new().spawn_scoped(scope, exchange) {
            end(child);
            return Err(Loss::Unasked(error));
        }
        let received = receiver.recv_timeout(time);
        if received.is_err() {
            end(child);
        }
        received.map_err(|_| Loss::Slow)
    });
    let (answer, input, output) = outcome?;
    match answer.ok().and_then(|answer| serde_json::from_slice(&answer).ok()) {
        Some(report) => {
            child.stdin = Some(input);
            child.stdout = Some(output);
            Ok(report)
        }
        None => {
            end(child);
            Err(Loss::Died)
        }
    }
}

fn write_frame(writer: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(bytes)
}

/// The next frame, or nothing if the other side has closed the pipe.
fn read_frame(reader: &mut impl Read, most: u32) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let length = u32::from_le_bytes(length);
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // Filled to the last byte at once: growing it would need twice the memory, and the child has little.
    let mut bytes = vec![0; length as usize];
    reader.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// The child's side: limits its own memory, answers until its input ends, then exits. The exit code is 0 at the end of input
/// and 1 if it could not go on.
pub fn serve() -> ! {
    let code = i32::from(limit_memory().and_then(|()| answer_all()).is_err());
    std::process::exit(code)
}

fn limit_memory() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) })?;
    // A dump of a dead child would be the document on disk.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

fn answer_all() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Some(header) = read_frame(&mut input, u32::MAX)? {
        let header: Header = serde_json::from_slice(&header)?;
        let bytes = read_frame(&mut input, u32::MAX)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let report = inspect(&bytes, &header.limits);
        write_frame(&mut output, &serde_json::to_vec(&report)?)?;
        output.flush()?;
    }
    Ok(())
}
