//! What the protocol promises on the wire: its bytes, its specification, and that nothing runs
//! twice.

mod document;
mod exactly_once;
mod v1;
mod witness;
