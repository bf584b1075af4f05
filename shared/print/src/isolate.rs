//! What reads strangers' documents runs in a child process, so that a hostile file costs only its own letter.
//!
//! The child is one of the crate `isolate`, which says how it is limited and spoken to. Its input is the document; its JSON
//! depends on the `Task`, and its file as well.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use isolate::{Isolated, MAX_JSON, send};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::document::on_parser_stack;
use crate::inspect::{self, Finding, Limits, Report};
use crate::mend::{self, Mend, MendError, Mended};
use crate::overlay::{self, OverlayError};
use crate::proof::{self, Specimen};
use crate::raster::{ProofError, Raster};

/// A program whose first argument is this must call [`serve`] and nothing else.
pub const CHILD_ARGUMENT: &str = "inspect-child";

/// How long one document may take, by default. Ordinary ones take milliseconds. The verdict is there within ten seconds, of which
/// this leaves one to end the child.
const TIME: Duration = Duration::from_secs(9);

/// Address space of the child, bytes: room for the largest document allowed, for what is made of it, which is as much again, for
/// the parser's stack, and for the images of a page that is drawn. The document and both that is made of it do not fit, so what was
/// made of it for one purpose goes before it is made for the next.
const MEMORY: u64 = 512 << 20;

/// The longest file a child is believed, bytes: the largest document allowed, with a good half of that drawn on it.
const MAX_FILE: usize = 160 << 20;

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

/// The parent's side: one long-lived child at a time, replaced when it dies.
#[derive(Debug)]
pub struct Inspector(Isolated);

impl Inspector {
    /// Starts a child: `program`, usually the running one, with `arguments`, usually [`CHILD_ARGUMENT`].
    ///
    /// # Errors
    /// The child cannot be started.
    pub fn spawn<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> io::Result<Self> {
        let mut child = Isolated::new(program, arguments, TIME);
        child.start_now()?;
        Ok(Self(child))
    }

    /// Another time limit for one document than 9 seconds.
    #[must_use]
    pub fn with_time_limit(mut self, time: Duration) -> Self {
        self.0.set_time_limit(time);
        self
    }

    /// Inspects one document in the child. A document that takes too long, or twice ends its child, is refused as
    /// `document.hostile`: what exhausts the child would exhaust the press. If what draws its pages panics, the rest of the
    /// report stands with `document.ink_unchecked`. Blocks for at most the time limit.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later.
    pub fn inspect(&mut self, bytes: &[u8], limits: &Limits) -> io::Result<Report> {
        if bytes.len() as u64 > limits.max_bytes {
            // No parser will see it, and it may be larger than a frame. Nothing on this side reaches what inspects, so that a
            // program which only asks is not linked with the print engine.
            return Ok(inspect::too_large(bytes, limits));
        }
        match self.0.ask(&Task::Inspect(Box::new(limits.clone())), MAX_JSON, bytes)? {
            // The file is a later report, if anything came after the first.
            Ok((report, Some(later))) if later.is_empty() => return Ok(report),
            Ok((_, Some(later))) => {
                if let Ok(report) = serde_json::from_slice(&later) {
                    return Ok(report);
                }
            }
            Ok((report, None)) => return Ok(inspect::without_drawing(report, limits)),
            Err(_) => {}
        }
        let message = "The file cannot be inspected safely. Print the document to a new PDF and send that file.";
        let finding = Finding::refuse("document.hostile", message);
        Ok(Report { findings: vec![finding], ..Report::default() })
    }

    /// Draws a page, counted from 0, as [`crate::raster::png`] does. A document that takes too long, or twice ends its child, has no
    /// picture. Blocks as [`Inspector::inspect`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later. Within: there is no picture.
    pub fn proof(&mut self, bytes: &[u8], page: u32, width: u32) -> io::Result<Result<Vec<u8>, ProofError>> {
        let answer: Option<(Result<(), ProofError>, _)> = self.ask(Task::Proof { page, width }, bytes)?;
        Ok(answer.map_or(Err(ProofError::Hostile), |(outcome, picture)| outcome.map(|()| picture)))
    }

    /// Draws what a piece will look like, as [`proof::proof`] does. A document that takes too long, or twice ends its child, has no
    /// picture. Blocks as [`Inspector::inspect`] does.
    ///
    /// # Errors
    /// No child can be started, which says nothing about the document: try again later. Within: there is no picture.
    pub fn piece(&mut self, bytes: &[u8], specimen: &Specimen) -> io::Result<Result<Vec<u8>, ProofError>> {
        let task = Task::Piece(Box::new(specimen.clone()));
        let answer: Option<(Result<(), ProofError>, _)> = self.ask(task, bytes)?;
        Ok(answer.map_or(Err(ProofError::Hostile), |(outcome, picture)| outcome.map(|()| picture)))
    }

    /// Draws the findings of a report on the document, as [`overlay::overlay`] does. Blocks as [`Inspector::inspect`] does.
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

    /// Mends a document, as [`mend::mend`] does. Blocks as [`Inspector::inspect`] does.
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
        Ok(self.0.ask(&task, MAX_FILE, bytes)?.ok().and_then(|(answer, file)| Some((answer, file?))))
    }
}

/// The child's side: answers until its input ends, then exits. See [`isolate::serve`].
pub fn serve() -> ! {
    isolate::serve(MEMORY, answer)
}

/// Answers with what is known before pages are drawn, at once, and then with the whole report as the file; or with the whole
/// report and no file, if none are drawn.
fn answer_inspection(bytes: &Arc<Vec<u8>>, limits: &Limits) -> io::Result<()> {
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
fn answer(task: Task, bytes: Vec<u8>) -> io::Result<()> {
    match task {
        Task::Inspect(limits) => answer_inspection(&Arc::new(bytes), &limits),
        Task::Proof { page, width } => {
            let bytes = Arc::new(bytes);
            answer_with_picture(on_parser_stack(|| {
                let raster = Raster::of(&bytes).ok_or(ProofError::Unreadable)?;
                raster.png(page as usize, width)
            }))
        }
        Task::Piece(specimen) => answer_with_picture(on_parser_stack(|| proof::of(bytes.into(), &specimen))),
        Task::Overlay(about) => {
            let (outcome, drawn) = match overlay::of(bytes.into(), &about.0, &about.1) {
                Ok(drawn) => (Ok(()), drawn),
                Err(error) => (Err(error), Vec::new()),
            };
            send(&serde_json::to_vec(&outcome)?)?;
            send(&drawn)
        }
        Task::Mend(mends, limits) => {
            let mut outcome = mend::of(bytes.into(), &mends, &limits);
            let file = outcome.as_mut().map(|mended| std::mem::take(&mut mended.bytes)).unwrap_or_default();
            send(&serde_json::to_vec(&outcome)?)?;
            send(&file)
        }
    }
}
