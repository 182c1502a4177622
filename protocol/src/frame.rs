//! One frame: `00 COBS(header | body | CRC-32) 00`.

use crate::checksum;
use crate::cobs;
use crate::units::{BootId, ClientId, Nonce, Sequence};

/// Header length in bytes: version and class, flags, sequence number (little-endian), opcode.
pub const HEADER_BYTES: usize = 5;
/// Checksum length in bytes, little-endian.
pub const CHECKSUM_BYTES: usize = 4;
/// The nonce of every frame of class [`Class::Hello`].
pub const HELLO_NONCE: Nonce = Nonce(0);
/// Delimits frames; occurs nowhere inside one.
pub const DELIMITER: u8 = 0;

/// How many bytes a frame with a body of `body_bytes` takes on the wire at most, both delimiters
/// included.
#[must_use]
pub const fn wire_bytes(body_bytes: usize) -> usize {
    1 + cobs::encoded_bytes(HEADER_BYTES + body_bytes + CHECKSUM_BYTES) + 1
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Opens or ends a session.
    Hello = 0,
    /// Asks.
    Request = 1,
    /// Answers.
    Reply = 2,
    /// Tells, unasked.
    Event = 3,
    /// Carries a part of a stream.
    Data = 4,
    /// Grants the sender of a stream more room.
    Credit = 5,
}

impl Class {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Hello,
            1 => Self::Request,
            2 => Self::Reply,
            3 => Self::Event,
            4 => Self::Data,
            5 => Self::Credit,
            _ => return None,
        })
    }
}

/// What precedes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Protocol version, 0 to 15.
    pub version: u8,
    /// What the frame is for.
    pub class: Class,
    /// Reserved: sent as 0, ignored on receipt.
    pub flags: u8,
    /// Which request this is or answers.
    pub sequence: Sequence,
    /// What it asks or says; see [`crate::message::opcode`].
    pub opcode: u8,
}

impl Header {
    /// A header of the current version, without flags.
    #[must_use]
    pub const fn new(class: Class, sequence: Sequence, opcode: u8) -> Self {
        Self {
            version: crate::identity::CURRENT,
            class,
            flags: 0,
            sequence,
            opcode,
        }
    }

    const fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [low, high] = self.sequence.0.to_le_bytes();
        [
            self.version << 4 | self.class as u8,
            self.flags,
            low,
            high,
            self.opcode,
        ]
    }

    fn from_bytes([kind, flags, low, high, opcode]: [u8; HEADER_BYTES]) -> Option<Self> {
        Some(Self {
            version: kind >> 4,
            class: Class::from_bits(kind & 0x0F)?,
            flags,
            sequence: Sequence(u16::from_le_bytes([low, high])),
            opcode,
        })
    }
}

/// A frame that has passed its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What precedes the body.
    pub header: Header,
    /// The postcard body, without the checksum.
    pub body: &'a [u8],
    /// The nonce that it is summed with.
    pub nonce: Nonce,
}

/// A frame as it goes over the wire, both delimiters included; room for `N` bytes.
pub type Packet<const N: usize> = heapless::Vec<u8, N>;

/// The frame is longer than the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the frame does not fit into the packet")]
pub struct TooLong;

/// The nonce both ends use in the first session of `client` within `boot`.
///
/// The same client in the same boot gets the same nonce, so a repeated hello resumes its session.
#[must_use]
pub fn session_nonce(boot: BootId, client: ClientId) -> Nonce {
    reborn_nonce(boot, client, 0)
}

/// The nonce of a session that was opened anew after an earlier one of `client` within `boot`.
///
/// Different births give different nonces, so a request from before fails its checksum, and the
/// client sees that the board forgot.
#[must_use]
pub fn reborn_nonce(boot: BootId, client: ClientId, birth: u32) -> Nonce {
    let mixed = checksum::of_parts(&[&boot.0, &client.0.to_le_bytes()]).wrapping_add(birth);
    if mixed == HELLO_NONCE.0 {
        Nonce(!mixed)
    } else {
        Nonce(mixed)
    }
}

/// The nonce for a client whose hello was refused while the session with the nonce `owner` has the
/// line: never that of the owner, nor the same under another owner, as far as 32 bits go.
#[must_use]
pub fn refused_nonce(boot: BootId, client: ClientId, owner: Nonce) -> Nonce {
    let [client, owner_bytes] = [client.0, owner.0.into()].map(u64::to_le_bytes);
    let mut mixed = checksum::of_parts(&[&boot.0, &client, &owner_bytes]);
    while mixed == owner.0 || mixed == HELLO_NONCE.0 {
        mixed = mixed.wrapping_add(1);
    }
    Nonce(mixed)
}

/// Writes a frame whose body `write_body` produces; it returns the body's length, or `None` if
/// the slice it got is too small. It is asked again, with all the room there is, if its body did
/// not fit where a small one does.
///
/// # Errors
///
/// [`TooLong`] if frame or body does not fit; `N` should be at least [`wire_bytes`] of the body.
#[inline]
pub fn encode<const N: usize>(
    header: Header,
    nonce: Nonce,
    write_body: impl FnMut(&mut [u8]) -> Option<usize>,
) -> Result<Packet<N>, TooLong> {
    let mut packet = Packet::new();
    encode_into(&mut packet, header, nonce, write_body)?;
    Ok(packet)
}

/// As [`encode`], but into a packet that stays where it is, over what it holds.
///
/// # Errors
///
/// [`TooLong`], after which `packet` holds no frame.
pub fn encode_into<const N: usize>(
    packet: &mut Packet<N>,
    header: Header,
    nonce: Nonce,
    mut write_body: impl FnMut(&mut [u8]) -> Option<usize>,
) -> Result<(), TooLong> {
    packet.clear();
    for room in [N.min(SMALL), N] {
        packet.resize(room, 0).map_err(|_| TooLong)?;
        let sealed = body_of(packet)
            .and_then(&mut write_body)
            .filter(|body_bytes| wire_bytes(*body_bytes) <= packet.len())
            .and_then(|body_bytes| seal(packet, header, nonce, body_bytes));
        if let Some(length) = sealed {
            packet.truncate(length);
            return Ok(());
        }
    }
    Err(TooLong)
}

/// Room for most frames; clearing more than that takes longer than all the rest of them.
const SMALL: usize = wire_bytes(24);

/// Where a packet's header is written: behind the delimiter and the first code.
const HEADER_AT: usize = 2;
const BODY_AT: usize = HEADER_AT + HEADER_BYTES;

/// Where in a packet its body is to be written, for [`seal`]; `None` if there is no room for any.
pub fn body_of(packet: &mut [u8]) -> Option<&mut [u8]> {
    let end = packet.len().checked_sub(CHECKSUM_BYTES)?;
    packet.get_mut(BODY_AT..end)
}

/// Makes a frame of the first `body_bytes` that were written to [`body_of`] `packet`, and returns
/// the packet's length, both delimiters included; `None` if it does not fit. What [`encode`] does
/// where there is a `Packet` and a closure to write its body.
pub fn seal(packet: &mut [u8], header: Header, nonce: Nonce, body_bytes: usize) -> Option<usize> {
    let (begin, rest) = packet.split_at_mut_checked(BODY_AT + body_bytes)?;
    *begin.first_mut()? = DELIMITER;
    let covered = begin.get_mut(HEADER_AT..)?;
    let nonce = crc_nonce(header.class, nonce);
    *covered.first_chunk_mut()? = header.to_bytes();
    *rest.first_chunk_mut()? = checksum::of_frame(nonce, covered).to_le_bytes();
    let plain = HEADER_BYTES + body_bytes + CHECKSUM_BYTES;
    let encoded = cobs::encode(packet.get_mut(1..)?, 1 + plain)?;
    *packet.get_mut(1 + encoded)? = DELIMITER;
    Some(1 + encoded + 1)
}

/// Reads the frame between two delimiters, neither of which belongs to `candidate`, decoding in
/// place.
///
/// `None` if it is no frame of this session: not COBS, too short, of no known class, or with a
/// checksum that another nonce or no nonce explains.
#[must_use]
pub fn decode(candidate: &mut [u8], session: Option<Nonce>) -> Option<Frame<'_>> {
    decode_either(candidate, session, None)
}

/// As [`decode`], where the frame may also be that of a client whose hello was `refused`.
#[must_use]
pub fn decode_either(
    candidate: &mut [u8],
    session: Option<Nonce>,
    refused: Option<Nonce>,
) -> Option<Frame<'_>> {
    let (summed, sum) = cobs::decode(candidate)?.split_last_chunk::<CHECKSUM_BYTES>()?;
    let (head, body) = summed.split_first_chunk::<HEADER_BYTES>()?;
    let header = Header::from_bytes(*head)?;
    let nonces = match header.class {
        Class::Hello => [Some(HELLO_NONCE), None],
        _ => [session, refused],
    };
    let sum = u32::from_le_bytes(*sum);
    let mut nonces = nonces.into_iter().flatten();
    let nonce = nonces.find(|nonce| checksum::of_frame(*nonce, summed) == sum)?;
    Some(Frame {
        header,
        body,
        nonce,
    })
}

/// The nonce a frame of `class` is summed with.
fn crc_nonce(class: Class, session: Nonce) -> Nonce {
    if class == Class::Hello {
        HELLO_NONCE
    } else {
        session
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = Nonce(0x0102_0304);

    fn packet(class: Class, body: &[u8]) -> Packet<600> {
        encode(Header::new(class, Sequence(7), 3), NONCE, |out| {
            out.get_mut(..body.len())?.copy_from_slice(body);
            Some(body.len())
        })
        .unwrap()
    }

    fn between(packet: &mut [u8]) -> &mut [u8] {
        let end = packet.len() - 1;
        &mut packet[1..end]
    }

    #[track_caller]
    fn check(class: Class, body: &[u8], nonce: Option<Nonce>, readable: bool) {
        let mut packet = packet(class, body);
        let frame = decode(between(&mut packet), nonce);
        let expected = Frame {
            header: Header::new(class, Sequence(7), 3),
            body,
            nonce: crc_nonce(class, NONCE),
        };
        assert_eq!(
            frame,
            readable.then_some(expected),
            "{class:?} {body:?} {nonce:?}"
        );
    }

    #[test]
    fn a_frame_reads_back_as_written() {
        for length in [0, 1, 7, 23, 24, 25, 26, 253, 254, 255, 512] {
            check(Class::Reply, &vec![0; length], Some(NONCE), true);
            check(Class::Reply, &vec![0xA5; length], Some(NONCE), true);
        }
    }

    #[test]
    fn a_frame_of_another_session_fails_its_checksum() {
        check(Class::Reply, b"x", Some(Nonce(0x0102_0305)), false);
        check(Class::Reply, b"x", None, false);
    }

    #[test]
    fn a_frame_tells_whether_it_is_the_sessions_or_that_of_a_refused_client() {
        let other = Nonce(9);
        for (session, refused) in [(NONCE, other), (other, NONCE)] {
            let mut packet = packet(Class::Request, b"x");
            let frame = decode_either(between(&mut packet), Some(session), Some(refused));
            assert_eq!(frame.map(|frame| frame.nonce), Some(NONCE));
        }
    }

    #[test]
    fn the_nonce_of_a_refused_client_is_not_its_owners_and_ends_with_it() {
        let boot = BootId([7; 16]);
        for owner in [Nonce(1), Nonce(u32::MAX), session_nonce(boot, ClientId(1))] {
            let refused = refused_nonce(boot, ClientId(1), owner);
            assert_ne!(refused, owner);
            assert_ne!(refused, refused_nonce(boot, ClientId(1), Nonce(2)));
            // The one owner whose nonce it would be.
            assert_ne!(refused_nonce(boot, ClientId(1), refused), refused);
        }
    }

    #[test]
    fn a_hello_reads_in_any_session_and_in_none() {
        check(Class::Hello, b"x", None, true);
        check(Class::Hello, b"x", Some(Nonce(9)), true);
    }

    #[test]
    fn a_hello_is_sealed_with_its_own_nonce_whatever_the_session() {
        for nonce in [HELLO_NONCE, NONCE] {
            let mut packet = [0; 40];
            let header = Header::new(Class::Hello, Sequence(7), 3);
            let length = seal(&mut packet, header, nonce, 4).unwrap();
            assert!(decode(&mut packet[1..length - 1], None).is_some());
        }
    }

    #[test]
    fn an_empty_acknowledgement_takes_twelve_bytes() {
        assert!(packet(Class::Reply, b"").len() <= 12);
    }

    #[test]
    fn every_single_bit_flip_is_caught() {
        let packet = packet(Class::Request, b"power reboot\n");
        for bit in 0..(packet.len() - 2) * 8 {
            let mut flipped = packet.clone();
            flipped[1 + bit / 8] ^= 1 << (bit % 8);
            if flipped[1..flipped.len() - 1].contains(&DELIMITER) {
                continue;
            }
            assert_eq!(
                decode(between(&mut flipped), Some(NONCE)),
                None,
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_frame_too_long_for_its_packet_is_an_error_and_not_a_panic() {
        for body in 0..40 {
            let header = Header::new(Class::Reply, Sequence(1), 0);
            let made = encode::<24>(header, NONCE, |out| (body <= out.len()).then_some(body));
            assert_eq!(made.is_ok(), wire_bytes(body) <= 24, "{body}");
        }
    }
}
