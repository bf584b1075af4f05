//! What all lists share: how many a page holds, where it starts, and how it is answered.

use edge::{Call, Problem, Reply};
use jiff::Timestamp;
use serde::Serialize;
use store::batches::{After, Listed};

use crate::App;

/// A page that a client asks for.
pub struct PageRequest {
    /// How many entries it may hold.
    pub limit: usize,
    /// Where it starts.
    pub after: Option<After>,
    list: String,
}

impl PageRequest {
    /// Reads `limit` (1 to `most`, 25 when it is not given) and `cursor`. `list` names the list and whose it is.
    ///
    /// # Errors
    /// 400 when one of them cannot be.
    pub fn read(app: &App, call: &Call, list: String, most: usize) -> Result<Self, Problem> {
        let limit = limit(call, most)?;
        let after = call.query("cursor").map(|cursor| app.cursors.open(&list, cursor)).transpose()?;
        Ok(PageRequest { limit, after, list })
    }

    /// Answers a page.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn reply<T, W: Serialize>(
        &self,
        app: &App,
        page: Listed<T>,
        show: impl FnMut(T) -> W,
    ) -> Result<Reply, Problem> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Page<W> {
            items: Vec<W>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_cursor: Option<String>,
        }
        let next_cursor = page.next.map(|after| app.cursors.seal(&self.list, &after)).transpose()?;
        Reply::json(200, &Page { items: page.items.into_iter().map(show).collect(), next_cursor })
    }
}

/// Reads `limit`: 1 to `most`, 25 when it is not given.
///
/// # Errors
/// 400 when it cannot be.
pub fn limit(call: &Call, most: usize) -> Result<usize, Problem> {
    match call.query("limit").map(str::parse::<usize>) {
        None => Ok(25),
        Some(Ok(limit)) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::new(400, "limit.invalid", format!("Give a limit from 1 to {most}."))),
    }
}

/// Reads a moment.
///
/// # Errors
/// 400 when it cannot be.
pub fn moment(call: &Call, name: &str) -> Result<Option<Timestamp>, Problem> {
    let parsed = call.query(name).map(str::parse::<Timestamp>).transpose();
    parsed.map_err(|_| Problem::new(400, "moment.invalid", format!("Give {name} as in 2026-05-10T00:00:00Z.")))
}
