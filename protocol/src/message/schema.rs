//! The schema: the messages of a version, and a hash that tells builds of it apart.

/// Every opcode with the fields of its body: what the schema hash is taken over.
///
/// `WIRE.md` lists the same lines.
pub const SCHEMA: &str = include_str!("../schema.txt");

/// FNV-1a (32 bits) of [`SCHEMA`]: tells apart builds that share a version number.
pub const SCHEMA_HASH: u32 = fnv1a(SCHEMA.as_bytes());

/// The 32-bit FNV-1a hash.
const fn fnv1a(bytes: &[u8]) -> u32 {
    let mut hash = 0x811C_9DC5_u32;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}
