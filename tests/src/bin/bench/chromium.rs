//! Headless Chromium, which most people print HTML with: started for each letter, or kept running and spoken to.
//!
//! It is spoken to in the DevTools protocol over a pair of pipes, its descriptors 3 and 4: objects of JSON that end with a
//! zero byte. A shell ties them to what a child has anyway.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::Result;
use super::print::child::{Usage, run};

/// How many letters Chromium renders when it is started for each, and when it keeps running.
const STARTED: u32 = 5;
const KEPT: u32 = 50;

const QUIET: [&str; 6] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
];

/// Where it is, if it is installed.
pub(crate) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome-headless-shell"];
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// What it takes for a letter when it is started for each.
///
/// # Errors
/// When it does not print one.
pub(crate) fn started(program: &Path, html: &str) -> Result<Usage> {
    let folder = folder("started")?;
    std::fs::write(folder.join("letter.html"), html)?;
    let arguments = QUIET.iter().chain(&["--no-pdf-header-footer", "--print-to-pdf=letter.pdf", "letter.html"]);
    let arguments: Vec<String> = arguments.map(|&argument| argument.to_owned()).collect();
    let mut all = Usage::default();
    for _ in 0..STARTED {
        let usage = run(program, &arguments, &folder, 60)?;
        all = Usage { wall: all.wall + usage.wall, cpu: all.cpu + usage.cpu, peak: all.peak.max(usage.peak) };
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(of_each(all, STARTED))
}

/// What it takes for a letter when it keeps running, its start among it.
///
/// # Errors
/// When it does not print one.
pub(crate) fn kept(program: &Path, pages: u32) -> Result<Usage> {
    let folder = folder("kept")?;
    let arguments = ["chromium".to_owned(), KEPT.to_string(), pages.to_string(), program.display().to_string()];
    let all = run(&std::env::current_exe()?, &arguments, &folder, 120)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(of_each(all, KEPT))
}

fn of_each(all: Usage, letters: u32) -> Usage {
    let letters = f64::from(letters);
    Usage { wall: all.wall / letters, cpu: all.cpu / letters, ..all }
}

fn folder(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("bench-chromium-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// What the process does that is measured: has one Chromium print so many letters.
///
/// # Errors
/// When one is not printed, or the first has another number of pages.
pub(crate) fn print(count: u32, pages: u32, program: &str, letter: impl Fn(u32) -> String) -> Result<()> {
    let mut browser = Browser::start(program)?;
    for number in 0..count {
        let pdf = browser.print(&letter(number))?;
        if number == 0 {
            let printed = lopdf::Document::load_mem(&pdf)?.get_pages().len();
            if printed != pages as usize {
                return Err(format!("Chromium printed {printed} pages, not {pages}").into());
            }
        }
    }
    browser.close()
}

/// A Chromium that runs, with one empty page.
struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    session: Option<String>,
    frame: String,
    sent: u64,
}

impl Browser {
    fn start(program: &str) -> Result<Self> {
        let profile = std::env::current_dir()?.join("profile");
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null", program])
            .args(QUIET)
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("Chromium has no pipes".into());
        };
        let answers = BufReader::new(answers);
        let mut browser = Browser { child, commands, answers, session: None, frame: String::new(), sent: 0 };
        let page = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", &attach)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        let tree = browser.ask("Page.getFrameTree", &json!({}))?;
        browser.frame = tree["frameTree"]["frame"]["id"].as_str().ok_or("Chromium names no frame")?.to_owned();
        Ok(browser)
    }

    /// Asks for one thing and waits for the answer; what is told in between is passed over.
    fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes())?;
        loop {
            let mut message = Vec::new();
            self.answers.read_until(0, &mut message)?;
            if message.pop() != Some(0) {
                return Err(format!("Chromium ended before it answered {method}").into());
            }
            let mut answer: Value = serde_json::from_slice(&message)?;
            if answer["id"] != self.sent {
                continue;
            }
            if !answer["error"].is_null() {
                return Err(format!("Chromium refuses {method}: {}", answer["error"]["message"]).into());
            }
            return Ok(answer["result"].take());
        }
    }

    fn print(&mut self, html: &str) -> Result<Vec<u8>> {
        let content = json!({ "frameId": self.frame, "html": html });
        self.ask("Page.setDocumentContent", &content)?;
        let pdf = self.ask("Page.printToPDF", &json!({ "preferCSSPageSize": true, "printBackground": true }))?;
        let data = pdf["data"].as_str().ok_or("Chromium prints nothing")?;
        Ok(BASE64_STANDARD.decode(data)?)
    }

    fn close(mut self) -> Result<()> {
        self.session = None;
        self.ask("Browser.close", &json!({}))?;
        self.child.wait()?;
        Ok(())
    }
}
