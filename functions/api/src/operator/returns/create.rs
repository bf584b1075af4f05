//! `POST /v2/operator/returns`: a piece that came back is keyed in, by the barcode that a scanner reads or a person types.

use domain::fault::{Faults, Pointer};
use domain::tracking::feed::PieceNumber;
use domain::tracking::{Feed, Place, Scan};
use edge::wire::{self, Field};
use edge::{Call, Problem, Reply};
use serde::Deserialize;
use store::tracking::Pieces;

use super::super::letters::{answer, reason, to_the_millisecond};
use crate::App;
use crate::idempotent::once;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with barcode")]
struct RawReturn<'a> {
    #[serde(default, borrow)]
    barcode: Field<'a>,
    #[serde(default, borrow)]
    reason: Field<'a>,
}

impl RawReturn<'_> {
    fn parse(&self, mut faults: Faults) -> Result<(PieceNumber, Option<String>), Problem> {
        let root = Pointer::Root;
        let at = root.key("barcode");
        let text = self.barcode.required(&at, &mut faults).text(&at, &mut faults);
        let piece = text.and_then(PieceNumber::parse);
        if text.is_some() && piece.is_none() {
            let message =
                "Give the digits of the barcode above the address (20, 25, 29 or 31), or of the certified label (22).";
            faults.push(&at, "barcode", message);
        }
        let reason = reason(&self.reason, false, &mut faults);
        piece
            .filter(|_| faults.is_empty())
            .map(|piece| (piece, reason))
            .ok_or_else(|| Problem::faulty(422, "invalid", &faults))
    }
}

/// Answers the request: the letter, and its state.
///
/// # Errors
/// 400, 404 when no mailed piece has that barcode, and 422.
pub async fn handle(app: &App, call: Call) -> Result<Reply, Problem> {
    once(app, &call, async |ticket| {
        let mut faults = Faults::default();
        let raw: RawReturn<'_> = wire::read_known(&call.body, &mut faults)?;
        let (piece, note) = raw.parse(faults)?;
        let mut pieces = Pieces::new(&app.store);
        let found = pieces.find(&piece, call.now).await?;
        let found = found.and_then(|target| Some((pieces.batches().get(&target.batch)?, target.letter)));
        let Some((batch, letter)) = found else {
            let message = "No piece that was mailed has this barcode. Look for a digit that was misread.";
            return Err(Problem::new(404, "piece.unknown", message));
        };
        let at = to_the_millisecond(call.now);
        let (feed, code, place) = (Feed::Mailhouse, "RETURNED".to_owned(), Place::default());
        let scan = Scan { at, feed, code, place, note, signature: None, expected: None };
        let answered = |tracked: &_| Some(answer(batch, &letter, tracked));
        let codes = app.store.codes().await?;
        let tracked = app.store.apply_one(batch, &letter, &scan, &codes, answered, ticket).await?;
        Ok(answer(batch, &letter, &tracked))
    })
    .await
}
