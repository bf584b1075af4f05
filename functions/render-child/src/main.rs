//! The child in which clients' HTML is rendered and, asked to by its argument, clients' PDFs are inspected: it answers orders on
//! its standard input, and ends with its parent. It is packed beside the binary of those functions that read
//! either, so that no other function carries what they need.
//!
//! In this order HTML goes through it: variables are filled in (`render::template`), what would act or be fetched is refused and the
//! rest written anew (`markup.rs`, `style.rs`, `honoured.rs`, `images.rs`), and that is laid out with the fonts that are shipped (`fonts.rs`,
//! `engine.rs`).

mod engine;
mod fonts;
mod honoured;
mod images;
mod markup;
mod style;

use std::collections::BTreeMap;
use std::io;

use isolate::send;
use render::{Fault, MEMORY, Order, Rendered, Task, template, too_costly};

fn main() {
    // Each has limits of its own on memory, and so a process of its own.
    if std::env::args().nth(1).as_deref() == Some(print::isolate::CHILD_ARGUMENT) {
        print::isolate::serve();
    }
    isolate::serve(MEMORY, answer)
}

fn answer(task: Task, bytes: Vec<u8>) -> io::Result<()> {
    let (lay_out, html, variables, page, max_pages, lengths, absent) = match task {
        Task::Check(html) => {
            let faults = on_large_stack(|| template::check(&html).err().into_iter().collect::<Vec<_>>());
            send(&serde_json::to_vec(&faults.unwrap_or_else(|| vec![too_costly()]))?)?;
            return send(&[]);
        }
        Task::Render { lay_out, html, variables, page, max_pages, images, absent } => {
            (lay_out, html, variables, page, max_pages, images, absent)
        }
    };
    let mut images = BTreeMap::new();
    let mut bytes = bytes.as_slice();
    for (name, length) in lengths {
        let (image, rest) = bytes.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        images.insert(name, image.to_vec());
        bytes = rest;
    }
    let (outcome, file) = match here(&Order { html, variables, page, max_pages, images, absent }, lay_out) {
        Ok(Rendered { bytes, pages }) => (Ok(pages), bytes),
        Err(faults) => (Err(faults), Vec::new()),
    };
    send(&serde_json::to_vec(&outcome)?)?;
    send(&file)
}

/// Renders in this process, which hostile HTML can end, or only looks at what is laid out otherwise.
///
/// # Errors
/// What is wrong with the HTML.
fn here(order: &Order, lay_out: bool) -> Result<Rendered, Vec<Fault>> {
    let rendered = on_large_stack(|| {
        let html = template::fill(&order.html, &order.variables)?;
        let markup = markup::read(&html, order)?;
        if !lay_out {
            return Ok(Rendered { bytes: Vec::new(), pages: 0 });
        }
        engine::pdf(&markup, order.page, order.max_pages).map_err(|fault| vec![fault])
    });
    rendered.unwrap_or_else(|| Err(vec![too_costly()]))
}

/// Does something on a stack that takes elements as deep as they may be nested. `None` if there is no memory for it.
fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    const STACK: usize = 128 << 20;
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?;
        // In the child, a panic has ended the process by now.
        thread.join().ok()
    })
}
