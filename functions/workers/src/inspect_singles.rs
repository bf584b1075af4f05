//! Inspection of singles, on the queue of `letters.inspect`: renders HTML for which there was no time before the answer, decides
//! which of them may be printed, and ends mailings that were never completed.

use std::collections::BTreeMap;
use std::time::Instant;

use domain::event::EventKind;
use domain::finish::Finish;
use domain::id::{AccountId, SingleId};
use domain::letter::{Issue, Outcome};
use domain::location::Location;
use domain::single::{Content, Place, Single, SingleState, Unmade};
use domain::template::Variables;
use edge::sqs::Worked;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use render::PageSize;
use store::duplicates::Guarded;
use store::queues::{ANNOUNCEMENT, InspectSingles};
use store::singles::{MailingState, NotChanged, SingleChange};
use store::{Store, StoreError};
use tokio::sync::SemaphorePermit;

use crate::inspect_letters::{Fetched, InspectError, Inspection, PATIENCE, PREFETCH, USUAL, fetch};
use crate::look;

/// Works off a message.
pub(crate) async fn work(inspection: &Inspection, message: InspectSingles) -> Result<Worked, InspectError> {
    let store = &inspection.store;
    let ids: Vec<SingleId> = message.singles.iter().map(|(id, _)| id.clone()).collect();
    // Looked at again for a moment: what was announced usually comes true within milliseconds.
    let found = look(async || {
        if let Some(mailing) = &message.mailing {
            match store.mailing(mailing).await? {
                None => return Ok(None),
                Some(MailingState::Aborted) => return Ok(Some(Vec::new())),
                Some(MailingState::Complete) => {}
            }
        }
        let singles = store.singles(&ids).await?;
        let is_there = |(id, version): &(SingleId, u32)| {
            singles.iter().any(|single| single.id == *id && single.version >= *version)
        };
        Ok::<_, StoreError>(message.singles.iter().all(is_there).then_some(singles))
    })
    .await?;
    let Some(mut singles) = found else { return not_there(store, &message, &ids).await };
    if let (Some(mailing), true) = (&message.mailing, singles.is_empty()) {
        // Whoever ended it may have died before all of its singles were removed.
        store.abort_mailing(mailing, &ids).await?;
        return Ok(Worked::Done);
    }
    singles.retain(|single| single.state == SingleState::Queued);
    let Some(account) = singles.first().map(|single| single.account.clone()) else { return Ok(Worked::Done) };
    let count = singles.len();
    let Inspected { waiting, recorded, mut changed } = inspect(inspection, &account, singles).await?;
    let left = count - waiting.len() - recorded - changed;
    let issues = waiting.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(..))).count();
    changed += store.record_inspections(waiting, Timestamp::now()).await?;
    tracing::info!(%account, singles = count, left, changed, issues, "inspected");
    if left > 0 || changed > 0 {
        // There was no time, or they were changed meanwhile: what still waits of them is inspected by the next delivery.
        store.announce(&[InspectSingles { announced: Timestamp::now(), ..message }]).await?;
    }
    Ok(Worked::Done)
}

/// How far an inspection got.
#[derive(Default)]
struct Inspected {
    /// What is to be recorded.
    waiting: Vec<(Single, Outcome, u32)>,
    /// How many are recorded: what was settled here, by rendering it perhaps, is not to be done again because of others.
    recorded: usize,
    /// How many were changed meanwhile.
    changed: usize,
}

impl Inspected {
    /// Whether nothing came of it.
    fn is_nothing(&self) -> bool {
        self.waiting.is_empty() && self.recorded + self.changed == 0
    }

    /// Has the outcome of a group wait to be recorded.
    fn wait(&mut self, group: Vec<Single>, outcome: &Outcome, impressions: u32) {
        self.waiting.extend(group.into_iter().map(|single| (single, outcome.clone(), impressions)));
    }

    /// Takes the outcome of a group whose document is there. Of HTML that was rendered here, and of an object that is seen for the
    /// first time, what it is shows whether they are duplicates: these are recorded at once.
    async fn settle(
        &mut self,
        store: &Store,
        group: Vec<Single>,
        etag: Option<&str>,
        outcome: &Outcome,
        impressions: u32,
    ) -> Result<(), StoreError> {
        let mut group = group.into_iter();
        while let Some(was) = group.next() {
            let (Outcome::Passed(copy, findings), Some(guard)) = (outcome, was.order.content.guard()) else {
                self.waiting.push((was, outcome.clone(), impressions));
                continue;
            };
            let mut to = was.clone();
            to.order.content = to.order.content.settled(copy, etag.map(str::to_owned));
            to.state = SingleState::Ready;
            (to.copy, to.impressions, to.issue) = (Some(copy.clone()), Some(impressions), None);
            to.findings.clone_from(findings);
            let change = SingleChange { to, kind: EventKind::LetterReady, guard };
            match store.change_single(&was, change, Timestamp::now()).await? {
                Ok(_) => self.recorded += 1,
                Err(NotChanged::Changed) => self.changed += 1,
                // One like it is being created, and so may be those of the others: each would be waited for.
                Err(NotChanged::Guarded(Guarded::Underway)) => {
                    self.changed += 1 + group.len();
                    return Ok(());
                }
                Err(NotChanged::Guarded(Guarded::Duplicates(duplicates))) => {
                    let earlier = duplicates.first().map(|(_, earlier)| earlier.to_string()).unwrap_or_default();
                    let message = format!(
                        "{earlier}, created within 7 days of it, has this document and this recipient. To send it once more, \
                         change it with allowDuplicate; else cancel it."
                    );
                    let issue = Issue { code: "duplicate".to_owned(), message, page: None };
                    self.waiting.push((was, Outcome::Failed(issue, Vec::new()), impressions));
                }
            }
        }
        Ok(())
    }
}

/// What to do when not all of what was announced is there: wait while it may still come true, then forget it. A mailing that
/// nobody will complete any more is ended.
async fn not_there(store: &Store, message: &InspectSingles, ids: &[SingleId]) -> Result<Worked, InspectError> {
    if Timestamp::now().duration_since(message.announced) <= ANNOUNCEMENT {
        return Ok(Worked::Later);
    }
    if let Some(mailing) = &message.mailing
        && store.abort_mailing(mailing, ids).await? == MailingState::Complete
    {
        return Ok(Worked::Later);
    }
    Ok(Worked::Done)
}

/// Inspects singles of one account, as many as there is time for.
async fn inspect(
    inspection: &Inspection,
    account: &AccountId,
    singles: Vec<Single>,
) -> Result<Inspected, InspectError> {
    let Inspection { store, .. } = inspection;
    let started = Instant::now();
    let locations = store.list_locations(account).await?;
    let mut inspected = Inspected::default();
    // Many of one mailing have one document: it is fetched and judged once for all that are made alike.
    let mut groups: Vec<(String, Vec<Single>)> = Vec::new();
    for single in singles {
        let key = same_document(&single.order.options.finish, single.document(), &single.order.content);
        match groups.iter_mut().find(|(group, _)| *group == key) {
            Some((_, group)) => group.push(single),
            None => groups.push((key, vec![single])),
        }
    }
    let mut fetched = stream::iter(groups)
        .map(async |(_, group): (String, Vec<Single>)| {
            let document = document(inspection, &group, &locations).await;
            (group, document)
        })
        // In any order: one that waits for room is not to keep what the others have.
        .buffer_unordered(PREFETCH);
    // Its neighbours are not to wait for what stands in the way of one.
    let mut failure: Option<InspectError> = None;
    while let Some((group, document)) = fetched.next().await {
        let Some(first) = group.first() else { continue };
        let limits = press::limits(&first.order.options.finish);
        match document {
            Err(error) => failure = Some(error.into()),
            Ok(Err(issue)) => inspected.wait(group, &Outcome::Failed(issue, Vec::new()), 0),
            Ok(Ok((Source::Pdf(bytes, etag), _room))) => {
                let (outcome, pages) = inspection.judge(account, bytes, &limits).await?;
                inspected.settle(store, group, etag.as_deref(), &outcome, pages).await?;
            }
            Ok(Ok((Source::Html(order), _room))) => match inspection.render(&order) {
                Err(error) => failure = Some(error),
                Ok(Err(issue)) => inspected.wait(group, &Outcome::Failed(issue, Vec::new()), 0),
                Ok(Ok(bytes)) => {
                    let (outcome, pages) = inspection.judge(account, bytes, &limits).await?;
                    inspected.settle(store, group, None, &outcome, pages).await?;
                }
            },
        }
        if started.elapsed() > PATIENCE {
            break;
        }
    }
    match failure {
        Some(error) if inspected.is_nothing() => Err(error),
        // Those that could be fetched are not inspected again for the others' sake.
        Some(error) => {
            tracing::warn!(%account, error = &error as &dyn std::error::Error, "some could not be inspected now");
            Ok(inspected)
        }
        None => Ok(inspected),
    }
}

/// What singles have in common whose documents are judged alike.
fn same_document(finish: &Finish, document: Place<'_>, content: &Content) -> String {
    let card = finish.card.map_or("", |size| size.as_str());
    let document = match document {
        // One object may have been copied, and written over since at one path and not at another.
        Place::Theirs(path) => format!("{path} {}", content.identity()),
        Place::Ours(copy) => copy.sha256.clone(),
        Place::Nowhere(..) => content.identity(),
    };
    let enclosed = if finish.return_envelope { "returnEnvelope" } else { "" };
    [finish.sides.as_str(), finish.placement.as_str(), finish.envelope.as_str(), card, enclosed, &document].join("#")
}

/// What there is of a document.
enum Source {
    /// Its bytes, and the tag that S3 has for those of an object of the client's.
    Pdf(Vec<u8>, Option<String>),
    /// What it is made of.
    Html(Box<render::Order>),
}

/// The document of singles that have the same, or why a person has to act first.
async fn document<'a>(
    inspection: &'a Inspection,
    group: &[Single],
    locations: &[Location],
) -> Result<Result<(Source, SemaphorePermit<'a>), Issue>, StoreError> {
    let Some(single) = group.first() else { return Err(StoreError::Missing("a single to inspect")) };
    let store = &inspection.store;
    match single.document() {
        Place::Theirs(path) => {
            let limit = press::limits(&single.order.options.finish).max_bytes;
            let etag = match &single.order.content {
                Content::Object { etag, .. } => Some(etag.as_str()),
                _ => None,
            };
            let fetched = fetch(inspection, path, locations, limit, etag).await?;
            Ok(fetched.map(|Fetched { bytes, etag, room }| (Source::Pdf(bytes, etag), room)))
        }
        Place::Ours(copy) => {
            let room = inspection.room(copy.bytes).await?;
            let bytes = store.read_incoming(&single.account, copy).await?;
            Ok(bytes.map(|bytes| (Source::Pdf(bytes, None), room)).ok_or_else(gone))
        }
        Place::Nowhere(unmade, variables) => {
            let room = inspection.room(USUAL).await?;
            let html = html(store, &single.account, unmade, variables).await?;
            Ok(html.map(|html| (html, room)).ok_or_else(gone))
        }
    }
}

/// HTML with all that it is rendered with, if it is still there.
async fn html(
    store: &Store,
    account: &AccountId,
    unmade: &Unmade,
    variables: &Variables,
) -> Result<Option<Source>, StoreError> {
    let html = store.read_incoming(account, &unmade.html).await?.and_then(|bytes| String::from_utf8(bytes).ok());
    let (Some(html), Some(page)) = (html, PageSize::parse(&unmade.page_size)) else { return Ok(None) };
    let mut images = BTreeMap::new();
    for (name, image) in &unmade.images {
        let Some(bytes) = store.read_copy(account, image).await? else { return Ok(None) };
        images.insert(name.clone(), bytes);
    }
    let (max_pages, absent) = (page.most_pages(), BTreeMap::new());
    let order = render::Order { html, variables: variables.values(), page, max_pages, images, absent };
    Ok(Some(Source::Html(Box::new(order))))
}

fn gone() -> Issue {
    Issue {
        code: "document.not_found".to_owned(),
        message: "Its document is no longer there. Send its content again with PATCH.".to_owned(),
        page: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::finish::{CardSize, Envelope, Placement, Sides};
    use domain::letter::Copy;
    use domain::location::S3Path;

    #[test]
    fn one_inspection_is_for_all_that_have_a_document_and_are_made_alike_and_for_nobody_else() {
        let content = |hash: &str| Content::Pdf(Copy { sha256: hash.to_owned(), bytes: 1 });
        let usual = Finish::default();
        let made = [
            usual,
            Finish { sides: Sides::Simplex, ..usual },
            Finish { placement: Placement::FirstPage, ..usual },
            Finish { envelope: Envelope::Flat, ..usual },
            Finish { return_envelope: true, ..usual },
            Finish::of_card(CardSize::Card4x6),
            Finish::of_card(CardSize::Card6x9),
        ];
        let of = |finish: &Finish, content: &Content| same_document(finish, content.place(), content);
        for (place, one) in made.iter().enumerate() {
            for (other_place, other) in made.iter().enumerate() {
                let alike = of(one, &content("ab")) == of(other, &content("ab"));
                assert_eq!(alike, press::limits(one) == press::limits(other), "{place} {other_place}");
            }
            assert_ne!(of(one, &content("ab")), of(one, &content("cd")));
        }
        let object = |key: &str| Content::Object {
            path: S3Path::parse(&format!("s3://bucket/{key}")).unwrap(),
            etag: "\"ab\"".to_owned(),
            bytes: 1,
        };
        assert_ne!(of(&usual, &object("one.pdf")), of(&usual, &object("two.pdf")));
        // Of one that is inspected again we have a copy.
        let copy = Copy { sha256: "ab".to_owned(), bytes: 1 };
        let seen = same_document(&usual, Place::Ours(&copy), &object("one.pdf"));
        assert_eq!(seen, of(&usual, &content("ab")));
        let in_colour = Finish { color: true, ..usual };
        assert_eq!(of(&usual, &content("ab")), of(&in_colour, &content("ab")));
    }
}
