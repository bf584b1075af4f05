//! `POST /v2/preflight`: everything that creating a letter or postcard and inspecting its document would find, and a copy of the
//! document with that drawn on it. Nothing is created.

use domain::account::Caller;
use domain::calendar::cutoff;
use domain::fault::{Fault, Faults, Pointer};
use domain::letter::{Finding, Issue};
use domain::location::Location;
use domain::single::{Content, Guard};
use edge::wire::{self, Object};
use edge::{Call, Problem, Reply};
use futures::future::try_join;
use jiff::Timestamp;
use jiff::civil::Date;
use print::inspect::Limits;
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::duplicates::Guarded;
use store::idempotency::{Answer, Completion, sha256};

use crate::App;
use crate::content::Seen;
use crate::idempotent::once;
use crate::letters::create::{Places, guard, read, refuse_alike, singles};
use crate::letters::wire::{RawSingle, WarningOut};
use crate::letters::{LETTERS, POSTCARDS, tell_duplicates};

/// What would be created: the body of the request that would create it, under the name of what that is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with letter or postcard")]
struct RawPreflight<'a> {
    #[serde(default, borrow)]
    letter: Option<Object<RawSingle<'a>>>,
    #[serde(default, borrow)]
    postcard: Option<Object<RawSingle<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreflightOut<'a> {
    acceptable: bool,
    errors: &'a [Fault],
    warnings: Vec<PlacedWarning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelable_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<DocumentOut>,
}

/// What is odd about an address, and which.
#[derive(Serialize)]
struct PlacedWarning {
    pointer: String,
    #[serde(flatten)]
    warning: WarningOut,
}

/// What inspection found.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    impression_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sheets: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue: Option<Issue>,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overlay_url: Option<String>,
}

/// Answers the request: 200 with what was found, also when it would be refused.
///
/// # Errors
/// 400, 409, 413 and 422 when the request is none.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let caller = call.caller()?;
        let mut unknown = Faults::default();
        let raw: RawPreflight<'_> = wire::read_known(&call.body, &mut unknown)?;
        let (raw, door) = match (&raw.letter, &raw.postcard) {
            (Some(Object(letter)), None) => (letter, &LETTERS),
            (None, Some(Object(postcard))) => (postcard, &POSTCARDS),
            _ => {
                unknown.push(&Pointer::Root, "preflight.kind", "Give exactly one of letter and postcard.");
                return Err(Problem::faulty(422, "preflight.kind", &unknown));
            }
        };
        let account = app.store.account(&caller.account);
        let (locations, account) = try_join(app.store.list_locations(&caller.account), account).await?;
        let root = Pointer::Root.key(door.kind.as_str());
        let places = Places::of(&root);
        let mut wanted = read(app, &call, raw, &locations, door, &places, unknown)?;
        let guarded = account.is_none_or(|account| account.duplicate_guard);
        let guard = guard(raw, guarded, &root, &mut wanted.faults);
        let (mut faults, warnings) = (std::mem::take(&mut wanted.faults), wanted.warnings());
        let (finish, send_date, many) = (wanted.options.finish, wanted.send_date, wanted.many);
        let seen = match wanted.content.take() {
            Some(content) => content.look(app, caller, &wanted.pieces(), &places.content, &mut faults).await?,
            None => None,
        };
        let document = match seen {
            Some((contents, seen)) => {
                let slow = contents.iter().any(Content::is_unmade);
                let orders = wanted.orders(contents, &places, &mut faults)?;
                if guard == Guard::Refuse {
                    refuse_alike(&orders, &places, &mut faults);
                    // The day says nothing about whether it is a duplicate.
                    let singles = singles(door, caller, orders, None, send_date.unwrap_or_default(), call.now)?;
                    if let Err(Guarded::Duplicates(duplicates)) =
                        app.store.look_for_duplicates(&singles, call.now).await?
                    {
                        tell_duplicates(&duplicates, many, door, &places, &mut faults);
                    }
                }
                let mut document = document(app, caller, seen, &locations, &press::limits(&finish)).await?;
                if slow {
                    document.findings.push(not_quick());
                }
                document.sheets = document.impression_count.map(|impressions| finish.sheets(impressions));
                Some(document)
            }
            None => None,
        };
        let refused = document.as_ref().is_some_and(|document| document.issue.is_some());
        let warning = |(pointer, warning): (String, domain::address::AddressWarning)| PlacedWarning {
            pointer,
            warning: WarningOut::of(warning),
        };
        let out = PreflightOut {
            acceptable: faults.is_empty() && !refused,
            errors: faults.listed(),
            warnings: warnings.into_iter().map(warning).collect(),
            send_date,
            cancelable_until: send_date.map(cutoff),
            document,
        };
        let answer = Answer { status: 200, location: None, body: serde_json::to_string(&out)? };
        app.store.keep_answer(Completion::of(ticket, &answer)).await?;
        Ok(answer)
    })
    .await
}

/// What is worth knowing of HTML of which not all is known yet.
fn not_quick() -> Finding {
    let message = "There is no time to lay all of the HTML out before the answer: the rest would be accepted (202) and rendered \
                   afterwards, and what stands in its way then would be an issue.";
    Finding {
        code: "html.slow".to_owned(),
        message: message.to_owned(),
        refuses: false,
        page: None,
        area: None,
        measured: None,
        allowed: None,
    }
}

/// Looks at a document.
async fn document(
    app: &App,
    caller: &Caller,
    seen: Seen,
    locations: &[Location],
    limits: &Limits,
) -> Result<DocumentOut, Problem> {
    let bytes = match seen {
        Seen::Ours(bytes) => bytes,
        Seen::Unmade => return Ok(DocumentOut::default()),
        Seen::Theirs(path) => {
            let location = locations.iter().find(|location| location.holds(&path));
            let location = location.ok_or(StoreError::Missing("the location of a path"))?;
            match app.store.fetch_source(&path, location, limits.max_bytes, None).await? {
                Ok((bytes, _)) => bytes,
                Err(reason) => {
                    let issue = reason.issue(limits.max_bytes);
                    return Ok(DocumentOut { issue: Some(issue), ..DocumentOut::default() });
                }
            }
        }
    };
    let report = app.children.inspector(|inspector| inspector.inspect(&bytes, limits)).await?;
    // What is drawn is a function of both, whoever asks and however often.
    let seen = format!("{} {}", sha256(&bytes), serde_json::to_string(&report)?);
    let name = format!("{}.pdf", sha256(seen.as_bytes()));
    let overlay_url = match app.store.shown_url(&caller.account, &name).await? {
        Some(url) => Some(url),
        None => match app.children.inspector(|inspector| inspector.overlay(&bytes, &report, limits)).await? {
            Ok(drawn) => Some(app.store.show(&caller.account, &name, drawn, "application/pdf").await?),
            // Its findings say why it cannot be read.
            Err(_) => None,
        },
    };
    let pages = report.pages;
    let findings: Vec<Finding> = report.findings.into_iter().map(press::finding).collect();
    let issue = findings.iter().find(|finding| finding.refuses).map(|finding| Issue {
        code: finding.code.clone(),
        message: finding.message.clone(),
        page: finding.page,
    });
    let impression_count = Some(pages).filter(|pages| *pages > 0);
    Ok(DocumentOut { impression_count, sheets: None, issue, findings, overlay_url })
}
