//! What decides: no socket, clock, process or file in here. Time and the world are arguments.

pub mod clients;
pub mod config;
pub mod events;
pub mod generation;
pub mod journal;
pub mod log;
pub mod objects;
pub mod record;
pub mod recovery;
pub mod service;
pub mod session;
pub mod storage;
pub mod streams;
pub mod transfers;
pub mod unit;
pub mod world;
