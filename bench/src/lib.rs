//! The project's figures: measured on real processes, beside peers, in one run.

pub mod clock;
pub mod figure;
pub mod part;
pub mod rest;
