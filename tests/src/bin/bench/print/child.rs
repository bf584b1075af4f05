//! What a program costs: its time, its processor time and its memory, however it spends them.
//!
//! The system tells a process what its children took, and of memory the most that any of them took. So each program is
//! run by a process that has no other child: this binary, as `bench measured PROGRAM …`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};

use super::super::Result;

/// What a program took.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Usage {
    /// Seconds from its start to its end.
    pub(crate) wall: f64,
    /// Seconds of a processor, its own and the system's for it.
    pub(crate) cpu: f64,
    /// The most memory it had at once, bytes.
    pub(crate) peak: f64,
}

/// Runs a program in a folder and measures it.
///
/// # Errors
/// When it does not start, fails, or is not done after `seconds`.
pub(crate) fn run(program: &Path, arguments: &[String], folder: &Path, seconds: u64) -> Result<Usage> {
    let output = Command::new(std::env::current_exe()?)
        .arg("measured")
        .arg(seconds.to_string())
        .arg(program)
        .args(arguments)
        .current_dir(folder)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned().into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The process in between: runs the program, and prints what it took.
///
/// # Errors
/// When it does not start, fails, or is not done in time.
pub(crate) fn measured(seconds: &str, program: &str, arguments: &[&str]) -> Result<()> {
    let limit = Duration::from_secs(seconds.parse()?);
    let started = Instant::now();
    let mut child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(format!("not done after {seconds} s").into());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = started.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("it failed: {status}").into());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
    // macOS counts bytes, and all others kilobytes.
    let unit = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    let usage = Usage { wall, cpu, peak: usage.max_rss() as f64 * unit };
    println!("{}", serde_json::to_string(&usage)?);
    Ok(())
}
