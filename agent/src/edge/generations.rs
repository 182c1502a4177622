//! Generations on the disk: their trees, the link to the one that the board runs, and their health checks.

mod content_store;
mod generation_store;
pub mod health;
mod hooks;
mod manifest_store;
mod pointer;
pub mod rollout_task;
pub mod service;
pub mod trees;
