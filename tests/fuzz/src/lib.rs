//! What the fuzz targets do with the bytes they are given. Each module is one target and says what
//! it checks; whatever breaks a rule panics.

pub mod decoder;
pub mod line;
pub mod messages;
pub mod session;

mod input;
