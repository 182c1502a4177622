//! The real binaries: what they read, serve, keep and leave behind. Every agent here is a dry run.

mod configuration;
mod lifetime;

mod crowd;
mod links;

mod command;
