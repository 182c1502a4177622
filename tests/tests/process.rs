//! The real binaries: what they read, serve, keep and leave behind. Every agent here is a dry run;
//! a board that is simulated resets.

mod configuration;
mod lifetime;

mod closing;
mod crowd;
mod echoes;
mod links;
mod vanished_peers;

mod command;

mod failing_logs;
mod generations;
mod half_dead;
mod hanging_disk;
mod hostile_files;
mod listeners;
mod refusals;
mod rollouts;
mod secure_links;
mod standard_streams;

mod escapes;
mod event_frames;
mod events;
mod following;
mod objects;

mod owner;
mod simulator;

mod services;
