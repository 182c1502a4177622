//! How long an acknowledgement takes at most: what the time to its last bit depends on.

use super::bytes;
use lastword_protocol::frame::{self, Class, Header, Packet};
use lastword_protocol::message::{Initiated, Reply};
use lastword_protocol::power::{Backend, Operation};
use lastword_protocol::{Nonce, OperationId, Sequence};

/// The length of `reply`'s frame at its worst, over nonces and sequence numbers.
fn longest(reply: &Reply) -> usize {
    let numbers = [0, 1, 0x00FF, 0x0100, 0x7F7F, 0xFFFF];
    let nonces = (0..64).map(|shift| Nonce(0x9E37_79B9_u32.rotate_left(shift) ^ shift));
    nonces
        .flat_map(|nonce| numbers.map(|number| (nonce, number)))
        .map(|(nonce, number)| {
            let header = Header::new(Class::Reply, Sequence(number), reply.opcode());
            let packet: Packet<64> =
                frame::encode(header, nonce, |out| reply.encode(out).ok()).expect("room");
            packet.len()
        })
        .max()
        .unwrap_or_default()
}

#[test]
fn an_acknowledgement_without_a_body_takes_at_most_13_bytes() {
    assert!(longest(&Reply::Done) <= 13);
    assert!(frame::wire_bytes(0) <= 13);
}

#[test]
fn initiated_takes_at_most_24_bytes() {
    let initiated = Reply::Initiated(Initiated {
        operation: Operation::GracefulShutdown,
        backend: Backend::Mcu,
        id: OperationId(u64::MAX),
    });
    assert!(longest(&initiated) <= 24);
    assert!(frame::wire_bytes(bytes("03 03 FF*9 01").len()) <= 24);
}

/// The formula of `WIRE.md`: `n + 11 + ceil((n + 9) / 254)`.
#[test]
fn the_longest_frame_for_a_body_is_as_long_as_the_document_says() {
    for (body_bytes, wire_bytes) in [(0, 12), (148, 160), (245, 257), (246, 259), (512, 526)] {
        let body = vec![0x55; body_bytes];
        let header = Header::new(Class::Data, Sequence(0x0101), 0x81);
        let packet: Packet<600> = frame::encode(header, Nonce(1), |out| {
            out.get_mut(..body.len())?.copy_from_slice(&body);
            Some(body.len())
        })
        .expect("room");
        assert!(packet.len() <= wire_bytes, "{body_bytes}: {}", packet.len());
        assert_eq!(frame::wire_bytes(body_bytes), wire_bytes, "{body_bytes}");
        let formula = body_bytes + 11 + (body_bytes + 9).div_ceil(254);
        assert_eq!(formula, wire_bytes, "{body_bytes}");
    }
}
