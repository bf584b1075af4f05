//! HTML for letters, in the process that is shipped for it: how it looks on paper, what is refused, and what does no harm. It needs no
//! stack.

mod hostile;
mod letters;
mod refused;
mod support;
