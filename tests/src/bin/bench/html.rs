//! HTML letters: how many are rendered in a second, and with how much memory, beside headless Chromium where it is installed.

use std::path::Path;

use render::{Order, PageSize, Renderer};
use serde_json::json;
use tests::harness::binaries::Binary;

use super::print::child::{Usage, run};
use super::table::Row;
use super::{Result, chromium};

/// How many letters are rendered by one child, which is started once as in a function that is warm.
const LETTERS: u32 = 200;

/// A letter of one page, or of three.
fn letter(pages: u32) -> String {
    let rows: String = (1..=8)
        .map(|row| format!("<tr><td>{row}</td><td>Property tax, instalment {row}</td><td>$1,2{row}0.00</td></tr>"))
        .collect();
    let text = "<p>The quick brown fox jumps over the lazy dog, and then it does so again, because a paragraph of a letter has \
                several lines, so that what it costs to break them is in this figure.</p>";
    let page = format!(
        "<h1>Reminder</h1><p>Dear {{{{name}}}},</p>{}<table><tr><th>No.<th>What for<th>Amount</tr>{rows}</table>",
        text.repeat(5)
    );
    let pages: Vec<String> = (0..pages).map(|_| format!("<section>{page}</section>")).collect();
    format!(
        "<!DOCTYPE html><meta charset=utf-8><style>@page {{ size: letter; margin: 0.75in }} body {{ font-family: Arial, sans-serif; font-size: 11pt }} \
         table {{ width: 100%; border-collapse: collapse }} td, th {{ border: 0.5pt solid #444; padding: 4pt; text-align: left }} \
         section + section {{ break-before: page }}</style>{}",
        pages.concat()
    )
}

/// The letter as Chromium has it, which fills in nothing.
fn filled(letter: &str, number: u32) -> String {
    letter.replace("{{name}}", &format!("Jane Smith {number}"))
}

/// What the process does that is measured: has Chromium print so many letters of so many pages.
///
/// # Errors
/// When one is not printed.
pub(crate) fn print_with_chromium(count: &str, pages: &str, program: &str) -> Result<()> {
    let pages = pages.parse()?;
    let letter = letter(pages);
    chromium::print(count.parse()?, pages, program, |number| filled(&letter, number))
}

/// What the process does that is measured: renders so many letters of so many pages.
///
/// # Errors
/// When one is not rendered, or has another number of pages.
pub(crate) fn render(count: &str, pages: &str, child: &str) -> Result<()> {
    let (count, pages): (u32, u32) = (count.parse()?, pages.parse()?);
    let mut renderer = Renderer::new(Path::new(child));
    for number in 0..count {
        // Each is another, so that nothing could be remembered.
        let variables = json!({ "name": format!("Jane Smith {number}") }).as_object().cloned().unwrap_or_default();
        let (html, page, max_pages) = (letter(pages), PageSize::Letter, 10);
        let rendered =
            renderer.render(&Order { html, variables, page, max_pages, images: [].into(), absent: [].into() })?;
        let rendered = rendered.map_err(|faults| format!("{faults:?}"))?;
        if rendered.pages != pages {
            return Err(format!("the letter has {} pages, not {pages}", rendered.pages).into());
        }
    }
    Ok(())
}

fn said(usage: Usage) -> String {
    format!("{:.1}/s, {:.1} ms CPU each, peak {:.0} MB", 1.0 / usage.wall, usage.cpu * 1e3, usage.peak / 1e6)
}

/// Measures.
///
/// # Errors
/// When a letter is not rendered.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let child = Binary::RenderChild.path()?.display().to_string();
    let mut rows = Vec::new();
    for (pages, name) in [(1, "HTML letters of one page"), (3, "HTML letters of three pages")] {
        let arguments = ["render".to_owned(), LETTERS.to_string(), pages.to_string(), child.clone()];
        let all = run(&std::env::current_exe()?, &arguments, &std::env::temp_dir(), 600)?;
        let ours = Usage { wall: all.wall / f64::from(LETTERS), cpu: all.cpu / f64::from(LETTERS), ..all };
        let row = Row::new(name, said(ours));
        rows.push(match chromium::program() {
            Some(program) => {
                let kept = chromium::kept(&program, pages)?;
                let started = chromium::started(&program, &filled(&letter(pages), 0))?;
                let peer =
                    format!("headless Chromium kept running: {}; started for each: {}", said(kept), said(started));
                row.beside(peer, ours.wall / kept.wall)
            }
            None => Row::new(name, format!("{} (headless Chromium is not installed)", said(ours))),
        });
    }
    Ok(rows)
}
