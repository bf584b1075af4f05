//! Child processes that may die: what reads strangers' input runs in one, so that hostile input costs only itself.
//!
//! No parser survives a stack that overflows, memory that runs out, or a loop that does not end. The child may: it limits its
//! own memory, the parent limits its time, and what ends it is a finding about the input. The child is kept from one
//! order to the next, because starting it costs more than most orders.
//!
//! On the wire a frame is a length of four bytes, little-endian, then that many bytes. A request is two frames, an `Order`
//! in JSON and the input; so is an answer, JSON that depends on the order and a file or an empty frame.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the pipe to a child holds, bytes; without asking it would be a sixteenth of it.
const PIPE: usize = 1 << 20;

/// How often an order is tried that ends its child: the child may have died of something else.
const TRIES: u32 = 2;

/// The longest JSON a child is believed, bytes: some hundred findings are far less.
pub const MAX_JSON: usize = 4 << 20;

/// What a child exits with that panicked: what read the input met something it does not know, and nothing ran out.
const PANICKED: i32 = 3;

#[derive(Debug, Serialize, Deserialize)]
struct Order<T> {
    task: T,
    /// Processor time it may take, seconds.
    seconds: u64,
}

/// The parent's side: one long-lived child at a time, replaced when it dies.
#[derive(Debug)]
pub struct Isolated {
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

/// What a child answered, and its file, if it came to that.
pub type Answer<A> = (A, Option<Vec<u8>>);

/// Why a child gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It did not answer in time.
    Slow,
    /// It died, or its answer made no sense.
    Died,
}

impl Isolated {
    /// A child: `program` with `arguments`, which must call [`serve`] and nothing else. It is started by the first order, or by
    /// [`Isolated::start_now`].
    pub fn new<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>, time: Duration) -> Self {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        Self { program: program.to_owned(), arguments, time, child: None }
    }

    /// Starts the child, if there is none.
    ///
    /// # Errors
    /// The child cannot be started.
    pub fn start_now(&mut self) -> io::Result<()> {
        if self.child.is_none() {
            self.child = Some(self.start()?);
        }
        Ok(())
    }

    /// Another time limit for one order.
    pub fn set_time_limit(&mut self, time: Duration) {
        self.time = time;
    }

    fn start(&self) -> io::Result<Running> {
        // What a dying parser says may quote its input, so nobody hears it. The environment can hold keys that a child
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

    /// Has a child do something with its input, and answer with JSON and a file of at most `most` bytes; no file if the child
    /// panicked before it. Blocks for at most the time limit.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the input: try again later. Within: no child could do it.
    pub fn ask<T: Serialize, A: DeserializeOwned>(
        &mut self,
        task: &T,
        most: usize,
        bytes: &[u8],
    ) -> io::Result<Result<Answer<A>, Loss>> {
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
                            return Ok(Ok((answer, Some(file))));
                        }
                        Err(Loss::Died) if child.panicked() => return Ok(Ok((answer, None))),
                        Err(loss) => loss,
                    }
                }
                Err(loss) => loss,
            };
            // What was slow once is slow again.
            if lost == Loss::Slow {
                return Ok(Err(lost));
            }
        }
        Ok(Err(Loss::Died))
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

/// The child's side: limits itself to `memory` bytes of address space, has `answer` answer with two calls of [`send`] until its
/// input ends, then exits. Its input ends with its parent, and the limit on its processor time ends it if it is busy then.
/// The exit code is 0 at the end of input, 1 if it could not go on, and 3 after a panic, which ends it whether panics unwind
/// or abort in this build.
pub fn serve<T: DeserializeOwned>(memory: u64, answer: impl FnMut(T, Vec<u8>) -> io::Result<()>) -> ! {
    std::panic::set_hook(Box::new(|_| std::process::exit(PANICKED)));
    let code = i32::from(keep_output().and_then(|()| limit_memory(memory)).and_then(|()| answer_all(answer)).is_err());
    std::process::exit(code)
}

/// What the parent reads.
static OUTPUT: OnceLock<File> = OnceLock::new();

/// Keeps what the parent reads to ourselves: libraries that print what they think of their input would be taken for answers.
fn keep_output() -> io::Result<()> {
    let kept = rustix::io::dup(io::stdout())?;
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    let _ = OUTPUT.set(kept.into());
    Ok(())
}

fn limit_memory(memory: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    setrlimit(Resource::As, Rlimit { current: Some(memory), maximum: Some(memory) })?;
    // A dump of a dead child would be its input on disk.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Lets this process run for so many more seconds of processor time.
fn limit_processor_time(seconds: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    use rustix::time::{ClockId, clock_gettime};
    let used = u64::try_from(clock_gettime(ClockId::ProcessCPUTime).tv_sec).unwrap_or(0);
    // There is no hard limit, so that the next order can have as much again.
    Ok(setrlimit(Resource::Cpu, Rlimit { current: Some(used + seconds), maximum: None })?)
}

fn answer_all<T: DeserializeOwned>(mut answer: impl FnMut(T, Vec<u8>) -> io::Result<()>) -> io::Result<()> {
    let mut input = io::stdin().lock();
    while let Some(order) = read_frame(&mut input)? {
        let Order { task, seconds } = serde_json::from_slice(&order)?;
        limit_processor_time(seconds)?;
        let bytes = read_frame(&mut input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        answer(task, bytes)?;
    }
    Ok(())
}

/// Sends one frame to the parent.
///
/// # Errors
/// The parent is gone.
pub fn send(frame: &[u8]) -> io::Result<()> {
    let mut output = OUTPUT.get().ok_or(io::ErrorKind::NotConnected)?;
    write_frame(&mut output, frame)?;
    output.flush()
}
