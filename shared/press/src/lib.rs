//! How pieces are made, in the words of the crate that makes them: what the workers print by is what clients are shown before.

use domain::finish::{CardSize, Envelope, Finish, Placement, Sides};
use domain::letter::{Area, Finding};
use print::inspect::{Limits, Paper, Severity};
use print::layout::Rect;
use print::press_sheet::{Imposition, PressSheet};
use print::stationery::{self, Stationery};

/// The largest document of a card, bytes: those of all cards of a press sheet are in memory at once.
pub const MAX_CARD_BYTES: u64 = 12_000_000;

/// Where the address is.
pub fn placement(finish: &Finish) -> stationery::Placement {
    match finish.placement {
        Placement::Cover => stationery::Placement::Cover,
        Placement::FirstPage => stationery::Placement::FirstPage,
    }
}

/// Which sides are printed.
pub fn sides(finish: &Finish) -> stationery::Sides {
    match finish.sides {
        Sides::Duplex => stationery::Sides::Duplex,
        Sides::Simplex => stationery::Sides::FrontOnly,
    }
}

/// The envelopes that there are for it.
pub fn stationery(finish: &Finish) -> Stationery {
    let usual = Stationery::default();
    match finish.envelope {
        Envelope::Auto => usual,
        // Nothing is thin enough to be folded.
        Envelope::Flat => Stationery { fold_limit: 0, ..usual },
    }
}

/// What else is on the label of a certified piece.
pub fn services(electronic_return_receipt: bool) -> &'static [&'static str] {
    if electronic_return_receipt { &["RETURN RECEIPT ELECTRONIC"] } else { &[] }
}

/// What it is printed on.
pub fn paper(finish: &Finish) -> Paper {
    match finish.card {
        None => Paper::default(),
        Some(CardSize::Card4x6) => Paper::Card4x6,
        Some(CardSize::Card6x9) => Paper::Card6x9,
        Some(CardSize::Card6x11) => Paper::Card6x11,
    }
}

/// What is expected of a document that is made so.
pub fn limits(finish: &Finish) -> Limits {
    let usual = Limits::default();
    let most = if finish.card.is_some() { MAX_CARD_BYTES } else { usual.max_bytes };
    Limits {
        paper: paper(finish),
        placement: placement(finish),
        stationery: stationery(finish),
        duplex: finish.sides == Sides::Duplex,
        return_envelope: finish.return_envelope,
        max_bytes: most,
        ..usual
    }
}

/// How cards lie on the sheets of the press; `None` if they are letters.
pub fn imposition(finish: &Finish) -> Option<Imposition> {
    PressSheet::PRESS_12X18.impose(paper(finish).card()?)
}

/// A finding of inspection as it is kept and told.
pub fn finding(found: print::inspect::Finding) -> Finding {
    Finding {
        code: found.rule.into(),
        message: found.message,
        refuses: found.severity == Severity::Refuse,
        page: found.page,
        area: found.area.and_then(area),
        measured: found.measured,
        allowed: found.allowed,
    }
}

/// A part of a page as it is kept and told: to a hundredth of an inch. A document may paint anywhere, and what lies so far out
/// that nobody could look there is not told.
fn area(found: Rect) -> Option<Area> {
    const FAR: f64 = 1e6;
    let Rect { left, top, width, height } = found;
    // What is no number is not near either.
    let near = [left, top, width, height].iter().all(|inches| inches.abs() <= FAR);
    let [left, top, width, height] = [left, top, width, height].map(|inches| (inches * 100.0).round() / 100.0);
    near.then_some(Area { left, top, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_of_every_size_have_a_place_on_the_press_and_letters_have_none() {
        let places = |card| imposition(&Finish { card, ..Finish::default() }).map(|imposition| imposition.places());
        let sizes = CardSize::ALL.map(Some).map(places);
        assert_eq!((sizes, places(None)), ([Some(4), Some(2), Some(2)], None));
    }

    #[test]
    fn what_is_inspected_is_the_size_that_was_ordered() {
        let inches = |card| paper(&Finish::of_card(card)).card().map(|card| (card.height, card.width));
        let sizes = CardSize::ALL.map(inches);
        assert_eq!(sizes, [Some((4.0, 6.0)), Some((6.0, 9.0)), Some((6.0, 11.0))]);
        assert_eq!(paper(&Finish::default()), Paper::default());
    }

    #[test]
    fn a_finding_is_told_with_its_page_and_its_place_there() {
        let at = |left: f64| {
            let area = Rect { left, top: 1.666_666, width: 5.0, height: 1.458_333 };
            let found = print::inspect::Finding::warn("document.ink_outside_margin", "Move it.").on(2).at(area);
            let told = finding(found);
            assert_eq!((told.page, told.refuses), (Some(2), false));
            told.area
        };
        assert_eq!(at(-0.128), Some(Area { left: -0.13, top: 1.67, width: 5.0, height: 1.46 }));
        assert_eq!([f64::NAN, f64::INFINITY, -1e300].map(at), [None; 3]);
        assert_eq!(finding(print::inspect::Finding::refuse("document.damaged", "Mend it.")).area, None);
    }

    #[test]
    fn an_envelope_for_the_answer_is_weighed_where_it_was_ordered() {
        let weighed = |return_envelope| limits(&Finish { return_envelope, ..Finish::default() }).return_envelope;
        assert_eq!([false, true].map(weighed), [false, true]);
    }
}
