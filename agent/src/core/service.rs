//! Services: what supervises them, without a process, clock or file of its own.
//!
//! ```text
//! *.kdl -> service_file -> plan -> supervisor { order, one machine a service } -> effects
//! ```

pub mod answer;
pub mod catalog;
pub mod machine;
mod name;
mod order;
pub mod plan;
pub mod registry;
pub mod service_file;
pub mod supervisor;

pub use name::{BadName, Name};
