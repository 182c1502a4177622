//! Whole frames at the edges of COBS: zeros, no body, runs of 254 bytes and about.

use super::frames::check;
use super::{NONCE, ROOM};
use lastword_protocol::Sequence;
use lastword_protocol::frame::{self, Class, Header, Packet};

/// A frame whose opcode and body are an application's own.
fn own(class: Class, sequence: u16, opcode: u8, body: &[u8]) -> Packet<ROOM> {
    let header = Header::new(class, Sequence(sequence), opcode);
    frame::encode(header, NONCE, |out| {
        out.get_mut(..body.len())?.copy_from_slice(body);
        Some(body.len())
    })
    .expect("room")
}

#[test]
fn bodies_of_zeros_and_none() {
    check(
        &own(Class::Event, 256, 0x80, &[0; 3]),
        "
        13          ; version 1, class 3 event
        00          ; flags
        00 01       ; sequence: 256
        80          ; opcode: 0x80 an application's
        00 00 00    ; body: three zeros
        56 BE F0 2E ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 13 01 03 01 80 01 01 05 56 BE F0 2E 00
        ",
    );
    check(
        &own(Class::Credit, 0, 0, &[]),
        "
        15          ; version 1, class 5 credit
        00          ; flags
        00 00       ; sequence: 0
        00          ; opcode: 0x00 none is defined yet
        C1 C9 60 60 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 15 01 01 01 05 C1 C9 60 60 00
        ",
    );
}

/// Behind the zero of the flags come three bytes of header, the body and the checksum.
#[test]
fn a_run_of_253_254_and_255_bytes() {
    check(
        &own(Class::Data, 257, 0x81, &[0x55; 246]),
        "
        14          ; version 1, class 4 data
        00          ; flags
        01 01       ; sequence: 257
        81          ; opcode: 0x81 an application's
        55*246      ; body: 246 bytes
        AE 96 BA 1A ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 14 FE 01 01 81 55*246 AE 96 BA 1A 00
        ",
    );
    check(
        &own(Class::Data, 257, 0x81, &[0x55; 247]),
        "
        14          ; version 1, class 4 data
        00          ; flags
        01 01       ; sequence: 257
        81          ; opcode: 0x81 an application's
        55*247      ; body: 247 bytes
        8F 7E 77 F8 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 14 FF 01 01 81 55*247 8F 7E 77 F8 00
        ",
    );
    check(
        &own(Class::Data, 257, 0x81, &[0x55; 248]),
        "
        14          ; version 1, class 4 data
        00          ; flags
        01 01       ; sequence: 257
        81          ; opcode: 0x81 an application's
        55*248      ; body: 248 bytes
        39 A3 FC B4 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 14 FF 01 01 81 55*248 39 A3 FC 02 B4 00
        ",
    );
}

#[test]
fn a_full_run_before_a_zero_and_two_full_runs() {
    let mut body = [0x55; 252];
    body[251] = 0;
    check(
        &own(Class::Data, 257, 0x81, &body),
        "
        14          ; version 1, class 4 data
        00          ; flags
        01 01       ; sequence: 257
        81          ; opcode: 0x81 an application's
        55*251      ; body: 251 bytes
        00          ;   and a zero
        F0 E8 34 52 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 14 FF 01 01 81 55*251 01 05 F0 E8 34 52 00
        ",
    );
    check(
        &own(Class::Data, 257, 0x81, &[0x55; 501]),
        "
        14          ; version 1, class 4 data
        00          ; flags
        01 01       ; sequence: 257
        81          ; opcode: 0x81 an application's
        55*501      ; body: 501 bytes
        AB 9B 69 23 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 14 FF 01 01 81 55*251 FF 55*250 AB 9B 69 23 00
        ",
    );
}

#[test]
fn a_full_run_may_be_closed_by_an_empty_group() {
    // Some encoders write `01` behind a full run that ends the frame.
    let packet = own(Class::Data, 257, 0x81, &[0x55; 247]);
    let mut candidate = packet[1..packet.len() - 1].to_vec();
    candidate.push(0x01);
    let frame = frame::decode(&mut candidate, Some(NONCE)).map(|frame| frame.body);
    assert_eq!(frame, Some([0x55; 247].as_slice()));
}
