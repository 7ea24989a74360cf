//! A program that knows nothing but the address: from the first refusal over somebody's consent to a tool call, and to the
//! end of it. And everything that somebody else might try on the way.
#![allow(unreachable_pub, reason = "one binary of several files")]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod connecting;
mod consent;
mod program;
mod tokens;
