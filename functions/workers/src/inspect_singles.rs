//! Inspection of singles, on the queue of `letters.inspect`: decides which of them may be printed, and ends mailings that were
//! never completed.

use std::time::Instant;

use domain::finish::Finish;
use domain::id::{AccountId, SingleId};
use domain::letter::{Issue, Outcome};
use domain::location::Location;
use domain::single::{Content, Place, Single, SingleState};
use edge::sqs::Worked;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use store::queues::{ANNOUNCEMENT, InspectSingles};
use store::singles::MailingState;
use store::{Store, StoreError};

use crate::inspect_letters::{Fetched, InspectError, Inspection, PATIENCE, PREFETCH, fetch};
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
    let (count, inspected) = (singles.len(), inspect(inspection, &account, singles).await?);
    let left = count - inspected.len();
    let issues = inspected.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(..))).count();
    let changed = store.record_inspections(inspected, Timestamp::now()).await?;
    tracing::info!(%account, singles = count, left, changed, issues, "inspected");
    if left > 0 || changed > 0 {
        // There was no time, or they were changed meanwhile: what still waits of them is inspected by the next delivery.
        store.announce(&[InspectSingles { announced: Timestamp::now(), ..message }]).await?;
    }
    Ok(Worked::Done)
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
) -> Result<Vec<(Single, Outcome, u32)>, InspectError> {
    let Inspection { store, .. } = inspection;
    let started = Instant::now();
    let locations = store.list_locations(account).await?;
    let mut inspected = Vec::with_capacity(singles.len());
    // Many of one mailing have one document: it is fetched and judged once for all that are made alike.
    let mut groups: Vec<(String, Vec<Single>)> = Vec::new();
    for single in singles {
        let key = same_document(&single.order.options.finish, &single.order.content);
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
        .buffer_unordered(PREFETCH);
    let mut failure = None;
    while let Some((group, document)) = fetched.next().await {
        let Some(first) = group.first() else { continue };
        let (outcome, pages) = match document {
            // Its neighbours are not to wait for what stands in its way.
            Err(error) => {
                failure = Some(error);
                continue;
            }
            Ok(Err(issue)) => (Outcome::Failed(issue, Vec::new()), 0),
            Ok(Ok((bytes, _room))) => {
                inspection.judge(account, bytes, &press::limits(&first.order.options.finish)).await?
            }
        };
        inspected.extend(group.into_iter().map(|single| (single, outcome.clone(), pages)));
        if started.elapsed() > PATIENCE {
            return Ok(inspected);
        }
    }
    match failure {
        Some(error) if inspected.is_empty() => Err(error.into()),
        // Those that could be fetched are not inspected again for the others' sake.
        _ => Ok(inspected),
    }
}

/// What singles have in common whose documents are judged alike.
fn same_document(finish: &Finish, content: &Content) -> String {
    let content = match content.place() {
        Place::Theirs(path) => path.to_string(),
        Place::Ours(copy) => copy.sha256.clone(),
    };
    let card = finish.card.map_or("", |size| size.as_str());
    let enclosed = if finish.return_envelope { "returnEnvelope" } else { "" };
    [finish.sides.as_str(), finish.placement.as_str(), finish.envelope.as_str(), card, enclosed, &content].join("#")
}

/// The document of singles that have the same, or why a person has to act first.
async fn document<'a>(
    inspection: &'a Inspection,
    group: &[Single],
    locations: &[Location],
) -> Result<Result<Fetched<'a>, Issue>, StoreError> {
    let Some(single) = group.first() else { return Err(StoreError::Missing("a single to inspect")) };
    match single.order.content.place() {
        Place::Theirs(path) => {
            fetch(inspection, path, locations, press::limits(&single.order.options.finish).max_bytes).await
        }
        Place::Ours(copy) => {
            let room = inspection.room(copy.bytes).await?;
            let document = inspection.store.read_incoming(&single.account, copy).await?;
            Ok(document.map(|bytes| (bytes, room)).ok_or_else(|| Issue {
                code: "document.not_found".to_owned(),
                message: "The document that came with the request is gone. Send its content again with PATCH."
                    .to_owned(),
                page: None,
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::finish::{CardSize, Envelope, Placement, Sides};
    use domain::letter::Copy;

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
        for (place, one) in made.iter().enumerate() {
            for (other_place, other) in made.iter().enumerate() {
                let alike = same_document(one, &content("ab")) == same_document(other, &content("ab"));
                assert_eq!(alike, press::limits(one) == press::limits(other), "{place} {other_place}");
            }
            assert_ne!(same_document(one, &content("ab")), same_document(one, &content("cd")));
        }
        let in_colour = Finish { color: true, ..usual };
        assert_eq!(same_document(&usual, &content("ab")), same_document(&in_colour, &content("ab")));
    }
}
