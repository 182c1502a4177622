//! The parts of a run, each selectable by its name.

use crate::figure::Figure;
use crate::rest;
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;

/// What can be measured on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The agent at rest: memory, CPU, start-up, size.
    Rest,
}

/// What is measured, and how thoroughly.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The agent, built for release.
    pub agent: PathBuf,
    /// The agent as a board gets it: static and stripped.
    pub board_agent: PathBuf,
    /// Shorter rounds.
    pub quick: bool,
}

impl Part {
    /// The heading over its figures.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rest => "The agent at rest",
        }
    }

    /// Measures it.
    ///
    /// # Errors
    ///
    /// If something that is measured does not work.
    pub fn measure(self, setting: &Setting) -> Result<Vec<Figure>> {
        match self {
            Self::Rest => rest::measure(setting),
        }
    }
}
