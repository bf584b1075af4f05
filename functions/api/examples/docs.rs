//! Prints the page of `GET /v2/docs`: `make docs`.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

fn main() {
    print!("{}", api::docs::get::page());
}
