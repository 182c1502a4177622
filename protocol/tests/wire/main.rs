//! What the protocol promises on the wire: its bytes, its specification, that nothing runs
//! twice, and that objects arrive whole.

mod document;
mod exactly_once;
mod transfer;
mod v1;
mod witness;
