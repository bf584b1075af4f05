//! `GET /v2/letters/{letterId}/proof`: leads to a picture of a letter as it will be printed: its cover sheet beside its first page,
//! or the first page with the address on it.
//!
//! It is drawn for the first who asks and kept for a day under a name that is a function of all that is on it, so that one
//! that was changed since is drawn again.

use domain::article_number::{ArticleNumber, ArticleService};
use domain::batch::MailClass;
use domain::letter::Copy;
use domain::single::Single;
use domain::tracking_code::{MailerId, TrackingCode};
use edge::{Call, Problem, Reply};
use print::proof::Specimen;
use print::raster::ProofError;
use store::idempotency::sha256;

use super::{Door, LETTERS};
use crate::App;

/// Answers the request: 302 to a URL that is good for a quarter of an hour.
///
/// # Errors
/// 404, also while the document is not yet inspected, and when it cannot be drawn.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    answer(app, call, &LETTERS).await
}

/// The same for what is sent through a door.
pub(crate) async fn answer(app: &App, call: Call, door: &Door) -> Result<Reply, Problem> {
    let single = super::own(app, &call, door).await?;
    let copy = single.copy.as_ref().ok_or_else(|| super::no_document(door))?;
    let specimen = specimen(app, &single);
    let name = name(&specimen, copy)?;
    let url = match app.store.shown_url(&single.account, &name).await? {
        Some(url) => url,
        None => {
            let document = app.store.read_copy(&single.account, copy).await?.ok_or_else(|| super::no_document(door))?;
            let picture = app.children.inspector(|inspector| inspector.piece(&document, &specimen)).await?;
            let picture = picture.map_err(|error| no_proof(error, door))?;
            app.store.show(&single.account, &name, picture, "image/png").await?
        }
    };
    Ok(Reply::empty(302).header("location", url))
}

/// The piece that it will be. The numbers that are given out when it is printed are those of nobody.
fn specimen(app: &App, single: &Single) -> Specimen {
    let config = app.store.config();
    let options = &single.order.options;
    let receipt = options.electronic_return_receipt();
    let article = ArticleService::of(options.mail_class, receipt);
    let service = match options.mail_class {
        MailClass::FirstClass => &config.service_type,
        MailClass::Certified => &config.service_type_certified,
    };
    let address = &single.order.recipient.address;
    Specimen {
        sender: single.order.return_address.lines().to_vec(),
        recipient: address.lines(),
        tracking: TrackingCode::new(service, &MailerId::test(), 0).as_str().to_owned(),
        routing: address.routing().to_owned(),
        endorsement: config.endorsement.clone().filter(|_| article.is_none()),
        article: article.map(|service| ArticleNumber::new(service, &MailerId::test(), 0).as_str().to_owned()),
        services: press::services(receipt).iter().map(|service| (*service).to_owned()).collect(),
        paper: press::paper(&options.finish),
        stationery: press::stationery(&options.finish),
        placement: press::placement(&options.finish),
        sides: press::sides(&options.finish),
        perforated: options.perforated,
    }
}

/// The name of the picture: a function of what is on it.
fn name(specimen: &Specimen, copy: &Copy) -> Result<String, Problem> {
    let seen = serde_json::to_string(specimen)? + &copy.sha256;
    Ok(format!("{}.png", sha256(seen.as_bytes())))
}

/// The answer when there is no picture, though the document may be printed: it is too costly to draw, or something is wrong on our
/// side.
fn no_proof(error: ProofError, door: &Door) -> Problem {
    match error {
        ProofError::TooManyPixels | ProofError::Hostile => {
            let message = format!("There is no proof of the {}: {error}.", door.kind.as_str());
            Problem::new(404, door.no_proof, message)
        }
        ProofError::Unreadable | ProofError::NoSuchPage | ProofError::NoSize | ProofError::NoPiece => error.into(),
    }
}
