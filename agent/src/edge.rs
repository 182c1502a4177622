//! What acts: links, clocks, processes, files, and the reset itself.

pub mod backend;
pub mod clock;
pub mod down;
pub mod events;
pub mod executors;
mod explained;
pub mod facts;
pub mod failpoint;
mod file_limit;
mod kernel;
pub mod link;
pub mod listen;
pub mod logs;
pub mod objects;
pub mod ownership;
pub mod parent;
pub mod power;
pub mod process;
pub mod refused_connections;
pub mod run;
pub mod services;
pub mod session;
pub mod socket_path;
pub mod store;
pub mod surroundings;
pub mod tasks;
pub mod threads;
