//! Generations on the disk: their trees, the link to the one that the board runs, and their health checks.

pub mod current_link;
pub mod health;
pub mod trees;
