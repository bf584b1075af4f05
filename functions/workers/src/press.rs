//! How pieces are made, in the words of the crate that makes them.

use domain::finish::{Envelope, Finish, Placement, Sides};
use print::stationery::{self, Stationery};

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
