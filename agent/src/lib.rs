//! The Linux agent of lastword: [`core`] decides, [`edge`] acts.

pub mod core;
pub mod edge;
