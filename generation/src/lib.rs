//! Generations: a signed, immutable set of files for a board, with the health checks that say whether it serves.
//!
//! A generation is its [`Manifest`]: raw bytes of JSON, named by their SHA-256 and signed in minisign's format
//! ([`signature`]). The files are named by their hashes, so a board needs only those that it lacks, whole or as a
//! [`delta`] against one that it has. The desk makes generations (feature `desk`): [`builder`] reads a directory
//! and its `generation.kdl`, [`archive`] is the one file that carries all of it, [`difference`] what changes.

pub mod tree_path;

pub mod health_check;
pub mod manifest;

pub mod signature;

pub mod delta;

pub mod difference;

#[cfg(feature = "desk")]
pub mod description;

#[cfg(feature = "desk")]
pub mod secret_key;

#[cfg(feature = "desk")]
pub mod archive;

#[cfg(feature = "desk")]
pub mod builder;

mod hexadecimal;

pub use manifest::{Manifest, ManifestError, ManifestFields};
pub use tree_path::TreePath;
