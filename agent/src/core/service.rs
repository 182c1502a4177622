//! Services: what supervises them, without a process, clock or file of its own.
//!
//! ```text
//! *.kdl -> manifest -> plan -> supervisor { order, one machine a service } -> effects
//! ```

pub mod answer;
pub mod catalog;
pub mod machine;
pub mod manifest;
mod name;
mod order;
pub mod plan;
pub mod registry;
pub mod supervisor;

pub use name::{BadName, Name};
