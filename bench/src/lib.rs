//! The project's figures: measured on real processes, beside peers, in one run.

pub mod clock;
pub mod cpu;
pub mod figure;
pub mod machine;
pub mod page;
pub mod part;
pub mod push;
pub mod samples;
pub mod setting;
pub mod span;
pub mod usage;

pub mod process;
pub mod wire;

pub mod peer;

pub mod codec;
pub mod follower;
pub mod objects;
pub mod parse;
pub mod rest;
pub mod services;
pub mod sessions;
pub mod tcp;
pub mod transfer;
