//! The table that is printed in the end.

use std::fmt;

/// A figure.
pub(crate) struct Row {
    what: String,
    measured: String,
    peer: String,
    ratio: String,
    limit: String,
    verdict: &'static str,
}

impl Row {
    /// A figure without a limit.
    pub(crate) fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        let none = String::new;
        Row { what: what.into(), measured: measured.into(), peer: none(), ratio: none(), limit: none(), verdict: "" }
    }

    /// What could not be measured, and why.
    pub(crate) fn missing(what: &str, why: &dyn fmt::Display) -> Self {
        let why = why.to_string();
        // What a compiler says first is what it does, and then what is wrong.
        let line = why.lines().find(|line| line.starts_with("error")).or(why.lines().next()).unwrap_or_default();
        let why: String = line.chars().take(60).collect();
        Row { verdict: "NOT MEASURED", ..Row::new(what, why) }
    }

    /// What the figure is held against.
    #[must_use]
    pub(crate) fn beside(mut self, peer: impl Into<String>, ratio: f64) -> Self {
        self.peer = peer.into();
        self.ratio = format!("{ratio:.2}x");
        self
    }

    /// Up to what it is in order.
    #[must_use]
    pub(crate) fn limit(mut self, limit: impl Into<String>, kept: bool) -> Self {
        self.limit = limit.into();
        self.verdict = if kept { "ok" } else { "OVER THE LIMIT" };
        self
    }

    fn cells(&self) -> [&str; 6] {
        [&self.what, &self.measured, &self.peer, &self.ratio, &self.limit, self.verdict]
    }
}

/// The verdict on a program that is there and did not do its work.
pub(crate) const FAILED: &str = "FAILED";

/// A program over the same letters as others.
#[derive(Default)]
pub(crate) struct Runner {
    pub(crate) name: String,
    pub(crate) wall: String,
    pub(crate) cpu: String,
    pub(crate) of_floor: String,
    pub(crate) of_ours: String,
    pub(crate) peak: String,
    pub(crate) bytes: String,
    pub(crate) limit: String,
    pub(crate) verdict: &'static str,
}

impl Runner {
    /// Up to what it is in order.
    #[must_use]
    pub(crate) fn limit(mut self, limit: impl Into<String>, kept: bool) -> Self {
        self.limit = limit.into();
        self.verdict = if kept { "ok" } else { "OVER THE LIMIT" };
        self
    }

    fn cells(&self) -> [&str; 9] {
        [
            &self.name,
            &self.wall,
            &self.cpu,
            &self.of_floor,
            &self.of_ours,
            &self.peak,
            &self.bytes,
            &self.limit,
            self.verdict,
        ]
    }
}

/// Programs over the same letters.
pub(crate) struct Race {
    pub(crate) title: String,
    pub(crate) runners: Vec<Runner>,
}

/// All figures.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    pub(crate) races: Vec<Race>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rows.is_empty() {
            let head = ["what", "measured", "floor or peer", "ratio", "limit", "ok?"];
            write_columns(f, head, self.rows.iter().map(Row::cells))?;
        }
        for race in &self.races {
            writeln!(f)?;
            let head = [&race.title, "wall", "CPU", "of floor", "of ours", "peak memory", "output", "limit", "ok?"];
            write_columns(f, head, race.runners.iter().map(Runner::cells))?;
        }
        Ok(())
    }
}

/// Writes rows under a head, each column as wide as its widest cell.
fn write_columns<'a, const N: usize>(
    f: &mut fmt::Formatter<'_>,
    head: [&'a str; N],
    rows: impl Iterator<Item = [&'a str; N]>,
) -> fmt::Result {
    let rows: Vec<[&str; N]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}", width = *width)).collect();
        writeln!(f, "{}", cells.join("  ").trim_end())?;
        if number == 0 {
            let line: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            writeln!(f, "{}", line.join("  "))?;
        }
    }
    Ok(())
}
