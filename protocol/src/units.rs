//! The units and names that cross module boundaries. A bare integer does not.

use core::fmt;
use core::str::FromStr;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text of at most `N` bytes of UTF-8, stored in place.
pub type Text<const N: usize> = heapless::String<N>;

/// A point in time: milliseconds on the owner's monotonic clock, from an origin of its choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub u64);

impl Instant {
    /// The instant `span` later; saturates at the end of time.
    #[must_use]
    pub const fn after(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// The span since `earlier`; zero if that lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

/// A span of time in milliseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl fmt::Display for Millis {
    /// The largest unit that divides the span: `30s`, `1500ms`, `2h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, millis) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            if self.0 != 0 && self.0.is_multiple_of(millis) {
                return write!(f, "{}{unit}", self.0 / millis);
            }
        }
        write!(f, "{}ms", self.0)
    }
}

/// Identifies one boot of a board: 128 bits, written as a UUID (RFC 9562, section 4).
///
/// On Linux it is `/proc/sys/kernel/random/boot_id`. On the wire it is its 16 bytes; in files that
/// people read, the UUID.
// Aligned, because a small microcontroller moves words at once and calls a routine for bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(align(4))]
pub struct BootId(pub [u8; 16]);

impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = Text::<36>::deserialize(deserializer)?;
            return text.parse().map_err(D::Error::custom);
        }
        deserializer.deserialize_tuple(ID_BYTES, Bytes)
    }
}

const ID_BYTES: usize = 16;

/// Takes the bytes of an id in a loop: what serde has for arrays spells out each of them.
struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = BootId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<BootId, A::Error> {
        let mut id = [0; ID_BYTES];
        for (at, byte) in id.iter_mut().enumerate() {
            let next = bytes.next_element()?;
            *byte = next.ok_or_else(|| A::Error::invalid_length(at, &self))?;
        }
        Ok(BootId(id))
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootId({self})")
    }
}

/// A boot id is 32 hexadecimal digits, with or without the dashes of a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a boot id is 32 hexadecimal digits, dashes allowed")]
pub struct NotABootId;

impl FromStr for BootId {
    type Err = NotABootId;

    fn from_str(text: &str) -> Result<Self, NotABootId> {
        let digits = text.bytes().filter(|byte| *byte != b'-');
        read_hexadecimal(digits).map(Self).ok_or(NotABootId)
    }
}

/// Reads two hexadecimal digits for each byte; `None` if there are more or fewer, or others.
fn read_hexadecimal<const N: usize>(mut text: impl Iterator<Item = u8>) -> Option<[u8; N]> {
    let mut digit = || char::from(text.next()?).to_digit(16);
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = u8::try_from(digit()? << 4 | digit()?).ok()?;
    }
    text.next().is_none().then_some(bytes)
}

/// Names one staged power operation.
///
/// `1..=0xFFFF_FFFF` is the clients' to choose; a board assigns from above it when a request
/// names none, so that the two can never be taken for one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub u64);

impl OperationId {
    /// The largest id a client may choose.
    pub const CLIENT_MAX: u64 = 0xFFFF_FFFF;

    /// Whether a client may choose it.
    #[must_use]
    pub const fn is_a_clients(self) -> bool {
        self.0 != 0 && self.0 <= Self::CLIENT_MAX
    }

    /// The id of a request that chose none: unique per session and sequence number.
    #[must_use]
    pub const fn assigned(nonce: Nonce, sequence: Sequence) -> Self {
        Self((1 << 48) | (nonce.0 as u64) << 16 | sequence.0 as u64)
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A client's own random name; it keeps its session through reconnects by keeping this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(pub u64);

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names a stream of a session, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub u32);

impl StreamId {
    /// A stream that has no name yet. It is never sent.
    pub const UNNAMED: Self = Self(0);
}

/// What a session mixes into each checksum, so that frames of another session or boot fail it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(pub u32);

/// The number of a request within its session; wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sequence(pub u16);

impl Sequence {
    /// The number that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// How far this lies ahead of `earlier` in serial-number arithmetic (RFC 1982); negative
    /// if it lies behind.
    #[must_use]
    pub const fn ahead_of(self, earlier: Self) -> i16 {
        self.0.wrapping_sub(earlier.0).cast_signed()
    }
}

/// The content hash (SHA-256) that names a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub [u8; 32]);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ObjectHash(self.0).fmt(f)
    }
}

impl Generation {
    /// Returns as much of the name as tells it apart by eye: 16 digits.
    #[must_use]
    pub fn short(&self) -> impl fmt::Display {
        ShortName(*self)
    }
}

/// The beginning of a generation's name.
struct ShortName(Generation);

impl fmt::Display for ShortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, ..] = self.0.0.as_chunks::<8>().0 else {
            return Ok(());
        };
        first.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Generation {
    type Err = NotAGeneration;

    fn from_str(text: &str) -> Result<Self, NotAGeneration> {
        let hash: ObjectHash = text.parse().map_err(|_| NotAGeneration)?;
        Ok(Self(hash.0))
    }
}

/// A generation's name is 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a generation's name is the SHA-256 of its manifest, 64 hexadecimal digits")]
pub struct NotAGeneration;

/// The content hash (SHA-256) that names an object of a board's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectHash(pub [u8; 32]);

impl fmt::Display for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A SHA-256 is 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an object's name is its SHA-256, 64 hexadecimal digits")]
pub struct NotAnObjectHash;

impl FromStr for ObjectHash {
    type Err = NotAnObjectHash;

    fn from_str(text: &str) -> Result<Self, NotAnObjectHash> {
        read_hexadecimal(text.bytes())
            .map(Self)
            .ok_or(NotAnObjectHash)
    }
}

/// A board's name for a transfer, good for the session in which it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransferId(pub u32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_id_reads_back_as_written() {
        let id = BootId(core::array::from_fn(|index| {
            u8::try_from(index * 17).unwrap()
        }));
        assert_eq!(id.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("00112233445566778899AABBCCDDEEFF".parse(), Ok(id));
    }

    #[test]
    fn an_object_hash_reads_back_as_written_and_nothing_else_does() {
        let text = "00ff".repeat(16);
        let hash: ObjectHash = text.to_uppercase().parse().unwrap();
        assert_eq!(hash.to_string(), text);
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replace('f', "g")] {
            assert_eq!(wrong.parse::<ObjectHash>(), Err(NotAnObjectHash), "{wrong}");
        }
    }

    #[test]
    fn a_boot_id_of_any_other_length_is_refused() {
        for text in [
            "",
            "0",
            "00112233-4455-6677-8899-aabbccddeef",
            "g0112233445566778899aabbccddeeff",
        ] {
            assert_eq!(text.parse::<BootId>(), Err(NotABootId), "{text:?}");
        }
        assert_eq!(
            "00112233-4455-6677-8899-aabbccddeeff0".parse::<BootId>(),
            Err(NotABootId)
        );
    }

    #[test]
    fn sequence_numbers_compare_across_the_wrap() {
        assert_eq!(Sequence(1).ahead_of(Sequence(0xFFFF)), 2);
        assert_eq!(Sequence(0xFFFF).ahead_of(Sequence(1)), -2);
    }

    #[test]
    fn assigned_operation_ids_lie_above_every_chosen_one() {
        let lowest = OperationId::assigned(Nonce(0), Sequence(0));
        assert!(lowest.0 > OperationId::CLIENT_MAX);
    }

    #[test]
    fn spans_are_written_in_their_largest_whole_unit() {
        for (millis, text) in [
            (0, "0ms"),
            (1_500, "1500ms"),
            (30_000, "30s"),
            (7_200_000, "2h"),
        ] {
            assert_eq!(Millis(millis).to_string(), text);
        }
    }
}
