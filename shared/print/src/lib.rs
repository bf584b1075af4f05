//! Paper from bytes: inspects the PDFs that come in and assembles the print streams that go out.
//!
//! Nothing here knows of a network, a clock or a runtime. Readers of the code may like this order: [`imb`] and
//! [`code128`] (the barcodes), [`layout`] (where things are on the sheet), [`address_block`] (what fits the window),
//! [`stationery`] (paper, envelopes, weight), [`press_sheet`] (where cards are on theirs), [`inspect`] (may this be
//! printed), [`overlay`] (what is wrong, for a person to see), [`mend`] (what can be put right),
//! [`isolate`] (all of these, in a child that may die), [`assemble`] (the print stream), [`manifest`] (the list of
//! what is in it), [`proof`] (what a piece will look like).

pub mod address_block;
pub mod assemble;
pub mod code128;
mod content;
mod data_matrix;
mod document;
mod drawing;
mod font;
pub mod imb;
pub mod inspect;
pub mod isolate;
pub mod layout;
pub mod manifest;
pub mod mend;
pub mod overlay;
mod page_content;
mod prescan;
pub mod press_sheet;
pub mod proof;
pub mod raster;
mod reader;
mod redraw;
pub mod sheet_mark;
mod source;
pub mod stationery;
mod stream;
mod weight;

pub use document::on_large_stack;
