//! What reads strangers' documents runs in a child process, so that a hostile file costs only its own letter.
//!
//! No parser survives a stack that overflows, memory that runs out, or a loop that does not end. The child may: it limits its
//! own memory, the parent limits its time, and what ends it is a finding about the document. The child is kept from one
//! document to the next, because starting it costs more than inspecting one.
//!
//! On the wire a frame is a length of four bytes, little-endian, then that many bytes. A request is two frames, an `Order`
//! in JSON and the document; so is an answer, whose JSON depends on the `Task` and whose second frame is a file or empty.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::document::on_parser_stack;
use crate::inspect::{self, Finding, Limits, Report};
use crate::mend::{Mend, MendError, Mended, mend};
use crate::overlay::{OverlayError, overlay};
use crate::proof::{Specimen, proof};
use crate::raster::{self, ProofError};

/// A program whose first argument is this must call [`serve`] and nothing else.
pub const CHILD_ARGUMENT: &str = "inspect-child";

/// How long one document may take, by default. Ordinary ones take milliseconds. The verdict is there within ten seconds, of which
/// this leaves one to end the child.
const TIME: Duration = Duration::from_secs(9);

/// Address space of the child, bytes: room for the largest document allowed, its parsed form, and the parser's stack.
const MEMORY: u64 = 512 << 20;

/// What the pipe to a child holds, bytes; without asking it would be a sixteenth of it.
const PIPE: usize = 1 << 20;

/// How often a document is tried that ends its child: the child may have died of something else.
const TRIES: u32 = 2;

/// The longest JSON a child is believed, bytes: some hundred findings are far less.
const MAX_JSON: usize = 4 << 20;

/// What a child exits with that panicked: what read or drew the document met something it does not know, and nothing ran out.
const PANICKED: i32 = 3;

/// The longest file a child is believed, bytes: the largest document allowed, with as much again drawn on it.
const MAX_FILE: usize = 128 << 20;

/// What a child is asked to do with a document.
#[derive(Debug, Serialize, Deserialize)]
enum Task {
    /// Answered by a [`Report`] and, in JSON as well, a later one that counts instead, if pages were drawn.
    Inspect(Box<Limits>),
    /// Answered by `Result<(), ProofError>` and a PNG.
    Proof { page: u32, width: u32 },
    /// Answered by `Result<(), OverlayError>` and a PDF.
    Overlay(Box<(Report, Limits)>),
    /// Answered by `Result<Mended, MendError>` and a PDF.
    Mend(Vec<Mend>, Box<Limits>),
    /// Answered by `Result<(), ProofError>` and a PNG.
    Piece(Box<Specimen>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    task: Task,
    /// Processor time it may take, seconds.
    seconds: u64,
}

/// The parent's side: one long-lived child at a time, replaced when it dies.
#[derive(Debug)]
pub struct Inspector {
    program: PathBuf,
    arguments: Vec<OsString>,
    time: Duration,
    child: Option<Running>,
}

/// A child and the pipes to it. Dropping it ends it.
#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

/// Why a child gave no answer.
enum Loss {
    /// It did not answer in time.
    Slow,
    /// It died, or its answer made no sense.
    Died,
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

    /// Another time limit for one document than 9 seconds.
    #[must_use]
    pub fn with_time_limit(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    fn start(&self) -> io::Result<Running> {
        // What a dying parser says may quote the document, so nobody hears it. The environment can hold keys that a child
        // which reads strangers' files has no use for.
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let running = Running { child, input, output };
        rustix::io::ioctl_fionbio(&running.input, true)?;
        // A pipe that holds a whole letter spares the two sides taking turns. One that cannot be widened still works.
        let _ = rustix::pipe::fcntl_setpipe_size(&running.input, PIPE);
        Ok(running)
    }

    /// Inspects one document in the child. A document that takes too long, or twice ends its child, is refused as
    /// `document.hostile`: what exhausts the child would exhaust the press. If what draws its pages panics, the rest of the
    /// report stands with `document.ink_unchecked`. Blocks for at most the time limit.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later.
    pub fn inspect(&mut self, bytes: &[u8], limits: &Limits) -> io::Result<Report> {
        if bytes.len() as u64 > limits.max_bytes {
            // No parser will see it, and it may be larger than a frame.
            return Ok(inspect::too_large(bytes, limits));
        }
        match self.ask_in_parts::<Report>(Task::Inspect(Box::new(limits.clone())), MAX_JSON, bytes)? {
            // The file is a later report, if anything came after the first.
            Some((report, Some(later))) if later.is_empty() => return Ok(report),
            Some((_, Some(later))) => {
                if let Ok(report) = serde_json::from_slice(&later) {
                    return Ok(report);
                }
            }
            Some((report, None)) => return Ok(inspect::without_drawing(report, limits)),
            None => {}
        }
        let message = "The file cannot be inspected safely. Print the document to a new PDF and send that file.";
        let finding = Finding::refuse("document.hostile", message);
        Ok(Report { findings: vec![finding], ..Report::default() })
    }

    /// Draws a page, counted from 0, as [`raster::png`] does. A document that takes too long, or twice ends its child, has no
    /// picture. Blocks as [`Inspector::inspect`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later. Within: there is no picture.
    pub fn proof(&mut self, bytes: &[u8], page: u32, width: u32) -> io::Result<Result<Vec<u8>, ProofError>> {
        let answer: Option<(Result<(), ProofError>, _)> = self.ask(Task::Proof { page, width }, bytes)?;
        Ok(answer.map_or(Err(ProofError::Hostile), |(outcome, picture)| outcome.map(|()| picture)))
    }

    /// Draws what a piece will look like, as [`proof()`] does. A document that takes too long, or twice ends its child, has no
    /// picture. Blocks as [`Inspector::inspect`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later. Within: there is no picture.
    pub fn piece(&mut self, bytes: &[u8], specimen: &Specimen) -> io::Result<Result<Vec<u8>, ProofError>> {
        let task = Task::Piece(Box::new(specimen.clone()));
        let answer: Option<(Result<(), ProofError>, _)> = self.ask(task, bytes)?;
        Ok(answer.map_or(Err(ProofError::Hostile), |(outcome, picture)| outcome.map(|()| picture)))
    }

    /// Draws the findings of a report on the document, as [`overlay()`] does. Blocks as [`Inspector::inspect`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later. Within: it cannot be drawn on.
    pub fn overlay(
        &mut self,
        bytes: &[u8],
        report: &Report,
        limits: &Limits,
    ) -> io::Result<Result<Vec<u8>, OverlayError>> {
        if bytes.len() as u64 > limits.max_bytes {
            return Ok(Err(OverlayError::Unreadable));
        }
        let task = Task::Overlay(Box::new((report.clone(), limits.clone())));
        let answer: Option<(Result<(), OverlayError>, _)> = self.ask(task, bytes)?;
        Ok(answer.map_or(Err(OverlayError::Hostile), |(outcome, drawn)| outcome.map(|()| drawn)))
    }

    /// Mends a document, as [`mend()`] does. Blocks as [`Inspector::inspect`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later. Within: it cannot be mended.
    pub fn mend(&mut self, bytes: &[u8], mends: &[Mend], limits: &Limits) -> io::Result<Result<Mended, MendError>> {
        if bytes.len() as u64 > limits.max_bytes {
            return Ok(Err(MendError::Unreadable));
        }
        let task = Task::Mend(mends.to_vec(), Box::new(limits.clone()));
        let answer: Option<(Result<Mended, MendError>, _)> = self.ask(task, bytes)?;
        Ok(answer
            .map_or(Err(MendError::Hostile), |(outcome, file)| outcome.map(|mended| Mended { bytes: file, ..mended })))
    }

    /// Has a child do something with a document. `None` if no child could.
    fn ask<A: DeserializeOwned>(&mut self, task: Task, bytes: &[u8]) -> io::Result<Option<(A, Vec<u8>)>> {
        Ok(self.ask_in_parts(task, MAX_FILE, bytes)?.and_then(|(answer, file)| Some((answer, file?))))
    }

    /// As [`Inspector::ask`] with a file of at most `most` bytes, but what was answered in JSON counts also if the child
    /// panics before its file.
    fn ask_in_parts<A: DeserializeOwned>(
        &mut self,
        task: Task,
        most: usize,
        bytes: &[u8],
    ) -> io::Result<Option<(A, Option<Vec<u8>>)>> {
        let order = serde_json::to_vec(&Order { task, seconds: self.time.as_secs() + 2 })?;
        // All tries share the time: who waits for an answer does not care how often it was tried.
        let deadline = Instant::now() + self.time;
        for _ in 0..TRIES {
            let mut child = match self.child.take() {
                Some(child) => child,
                None => self.start()?,
            };
            let lost = match child.exchange(&order, bytes, deadline) {
                Ok(json) => {
                    let Ok(answer) = serde_json::from_slice(&json) else { continue };
                    match child.receive_frame(most, deadline) {
                        Ok(file) => {
                            self.child = Some(child);
                            return Ok(Some((answer, Some(file))));
                        }
                        Err(Loss::Died) if child.panicked() => return Ok(Some((answer, None))),
                        Err(loss) => loss,
                    }
                }
                Err(loss) => loss,
            };
            // What was slow once is slow again.
            if matches!(lost, Loss::Slow) {
                break;
            }
        }
        Ok(None)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // So that no zombie is left. Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<io::Error> for Loss {
    fn from(_: io::Error) -> Self {
        Self::Died
    }
}

impl Running {
    /// The JSON of the answer, which a file follows.
    fn exchange(&mut self, order: &[u8], document: &[u8], deadline: Instant) -> Result<Vec<u8>, Loss> {
        let mut head = Vec::with_capacity(order.len() + 8);
        write_frame(&mut head, order)?;
        head.extend(length_of(document)?);
        self.send(&head, deadline)?;
        self.send(document, deadline)?;
        self.receive_frame(MAX_JSON, deadline)
    }

    /// Ends it, and says whether it had ended by a panic before.
    fn panicked(&mut self) -> bool {
        // One that is exiting keeps its exit code.
        let _ = self.child.kill();
        self.child.wait().is_ok_and(|status| status.code() == Some(PANICKED))
    }

    fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), Loss> {
        while !bytes.is_empty() {
            match self.input.write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(&self.input, PollFlags::OUT, deadline)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Loss::Died),
            }
        }
        Ok(())
    }

    fn receive_frame(&mut self, most: usize, deadline: Instant) -> Result<Vec<u8>, Loss> {
        let mut length = [0; 4];
        self.receive(&mut length, deadline)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > most {
            return Err(Loss::Died);
        }
        let mut bytes = vec![0; length];
        self.receive(&mut bytes, deadline)?;
        Ok(bytes)
    }

    fn receive(&mut self, mut bytes: &mut [u8], deadline: Instant) -> Result<(), Loss> {
        while !bytes.is_empty() {
            // The pipe is read only when there is something in it, so that it never waits for longer than there is time.
            wait(&self.output, PollFlags::IN, deadline)?;
            match self.output.read(bytes) {
                Ok(0) => return Err(Loss::Died),
                Ok(read) => bytes = &mut bytes[read..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Loss::Died),
            }
        }
        Ok(())
    }
}

/// Waits until a pipe can be used or has been closed.
fn wait(pipe: &impl AsFd, flags: PollFlags, deadline: Instant) -> Result<(), Loss> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Loss::Slow);
        }
        let left = Timespec::try_from(left).map_err(|_| Loss::Slow)?;
        match poll(&mut [PollFd::new(pipe, flags)], Some(&left)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(_) => return Err(Loss::Died),
        }
    }
}

fn length_of(bytes: &[u8]) -> io::Result<[u8; 4]> {
    Ok(u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?.to_le_bytes())
}

fn write_frame(writer: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    writer.write_all(&length_of(bytes)?)?;
    writer.write_all(bytes)
}

/// The next frame, or nothing if the other side has closed the pipe.
fn read_frame(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    // Filled to the last byte at once: growing it would need twice the memory, and the child has little.
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    reader.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// The child's side: limits itself, answers until its input ends, then exits. Its input ends with its parent, and the limit
/// on its processor time ends it if it is busy then. The exit code is 0 at the end of input, 1 if it could not go on, and 3
/// after a panic, which ends it whether panics unwind or abort in this build.
pub fn serve() -> ! {
    std::panic::set_hook(Box::new(|_| std::process::exit(PANICKED)));
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

/// Lets this process run for so many more seconds of processor time.
fn limit_processor_time(seconds: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    use rustix::time::{ClockId, clock_gettime};
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0);
    // There is no hard limit, so that the next document can have as much again.
    Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(used + seconds), maximum: None })?)
}

fn answer_all() -> io::Result<()> {
    let mut input = io::stdin().lock();
    while let Some(order) = read_frame(&mut input)? {
        let Order { task, seconds } = serde_json::from_slice(&order)?;
        limit_processor_time(seconds)?;
        let bytes = read_frame(&mut input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        answer(task, &bytes)?;
    }
    Ok(())
}

/// Sends one frame to the parent.
fn send(frame: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    write_frame(&mut output, frame)?;
    output.flush()
}

/// Answers with what is known before pages are drawn, at once, and then with the whole report as the file; or with the whole
/// report and no file, if none are drawn.
fn answer_inspection(bytes: &[u8], limits: &Limits) -> io::Result<()> {
    let mut told = false;
    let report = inspect::inspect_telling(bytes, limits, |report| {
        told = serde_json::to_vec(report).is_ok_and(|json| send(&json).is_ok());
    });
    let json = serde_json::to_vec(&report)?;
    if told {
        return send(&json);
    }
    send(&json)?;
    send(&[])
}

/// Answers with a picture, or why there is none.
fn answer_with_picture(drawn: Option<Result<Vec<u8>, ProofError>>) -> io::Result<()> {
    let (outcome, picture) = match drawn.unwrap_or(Err(ProofError::Hostile)) {
        Ok(picture) => (Ok(()), picture),
        Err(error) => (Err(error), Vec::new()),
    };
    send(&serde_json::to_vec(&outcome)?)?;
    send(&picture)
}

/// Does what is asked with a document, and answers.
fn answer(task: Task, bytes: &[u8]) -> io::Result<()> {
    match task {
        Task::Inspect(limits) => answer_inspection(bytes, &limits),
        Task::Proof { page, width } => {
            answer_with_picture(on_parser_stack(|| raster::png(bytes, page as usize, width)))
        }
        Task::Piece(specimen) => answer_with_picture(on_parser_stack(|| proof(bytes, &specimen))),
        Task::Overlay(about) => {
            let (outcome, drawn) = match overlay(bytes, &about.0, &about.1) {
                Ok(drawn) => (Ok(()), drawn),
                Err(error) => (Err(error), Vec::new()),
            };
            send(&serde_json::to_vec(&outcome)?)?;
            send(&drawn)
        }
        Task::Mend(mends, limits) => {
            let mut outcome = mend(bytes, &mends, &limits);
            let file = outcome.as_mut().map(|mended| std::mem::take(&mut mended.bytes)).unwrap_or_default();
            send(&serde_json::to_vec(&outcome)?)?;
            send(&file)
        }
    }
}
