//! Tests that walk the whole list: rights, strangers, references, names. A new operation is covered without a line here,
//! except for its sample input, and the tests fail until it has one.
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod list;
mod rights;
mod surfaces;
mod things;
