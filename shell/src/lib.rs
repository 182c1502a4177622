//! One grammar for everyone who types at a board: people, scripts, scenario files.
//!
//! No I/O, no allocation, no clock. The modules are listed in the order a line travels: its bytes
//! become a line in [`input`], are cut into words by the grammar, matched against the [`table`] by
//! [`mod@parse`], and run by the caller; the reply is taken apart by [`fields`] and written by an
//! [`answer`] in the [`plain`] or the [`term`] dialect.
//!
//! `SHELL.md`, beside this crate's manifest, is the reference for users.

#![cfg_attr(not(test), no_std)]

mod columns;
mod dialect;
mod out;
mod tag;

pub mod input;

mod grammar;
mod word;

pub mod arguments;
pub mod commands;
pub mod table;

mod topic;

mod fault;
pub mod parse;

mod bind;
mod complete;
mod suggest;
mod vocabulary;

pub mod answer;
#[cfg(feature = "services")]
mod date_time;
#[cfg(feature = "services")]
pub mod events;
pub mod fields;
#[cfg(feature = "services")]
mod generation_items;
pub mod help;
#[cfg(feature = "services")]
pub mod items;
pub mod plain;
pub mod term;

pub mod escape;
mod pen;

pub use answer::Answer;
pub use dialect::{Dialect, HAS_TERM};
pub use fault::{Fault, ParseError, Want};
pub use input::{
    ECHO_BYTES, HISTORY_BYTES, Input, LINE_BYTES, LineError, Medium, Received, WINDOW_BYTES,
};
pub use out::Out;
#[cfg(feature = "services")]
pub use parse::WantedEvents;
pub use parse::{Action, MAX_STEPS, Outline, Rules, Script, Step, parse};
#[cfg(feature = "services")]
pub use suggest::nearest;
pub use table::{Command, Level, Table};
pub use tag::Tag;
pub use topic::Topic;
pub use vocabulary::Vocabulary;
pub use word::Word;
