//! Transfers: the bodies of their requests and reply, and whole frames of all that belongs to one.

use super::frames::check;
use super::{NONCE, ROOM, bytes};
use lastword_protocol::frame::{self, Class, Header, Packet};
use lastword_protocol::transfer::{ObjectPiece, PIECE_CREDIT_OPCODE, PIECE_OPCODE, PieceCredit};
use lastword_protocol::{Sequence, TransferId};

#[cfg(feature = "transfer")]
mod bodies;

const TRANSFER: TransferId = TransferId(1);

fn packet(class: Class, opcode: u8, write: impl FnMut(&mut [u8]) -> Option<usize>) -> Packet<ROOM> {
    let header = Header::new(class, Sequence(0), opcode);
    frame::encode(header, NONCE, write).expect("room")
}

#[test]
fn the_last_piece() {
    let piece = ObjectPiece {
        transfer: TRANSFER,
        offset: 964,
        bytes: b"lastword and the last piece is short",
    };
    check(
        &packet(Class::Data, PIECE_OPCODE, |out| piece.write(out)),
        "
        14                                              ; version 1, class 4 data
        00                                              ; flags
        00 00                                           ; sequence: none
        01                                              ; opcode: 0x01 Piece
        01                                              ; transfer: 1
        C4 07                                           ; offset: 964
        6C 61 73 74 77 6F 72 64 20 61 6E 64 20 74 68 65 ; bytes: lastword and the
        20 6C 61 73 74 20 70 69 65 63 65 20 69 73 20 73 ;   last piece is s
        68 6F 72 74                                     ;   hort
        C9 E6 2E 82                                     ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 14 01 01 2D 01 01 C4 07 6C 61 73 74 77 6F
        72 64 20 61 6E 64 20 74 68 65 20 6C 61 73 74 20
        70 69 65 63 65 20 69 73 20 73 68 6F 72 74 C9 E6
        2E 82 00
        ",
    );
    assert_eq!(ObjectPiece::read(&body_of(&piece)), Some(piece));
}

#[test]
fn the_credit_that_a_receiver_begins_with() {
    let credit = PieceCredit {
        transfer: TRANSFER,
        acknowledged: 400,
        limit: 1_000,
        received: 0,
    };
    check_credit(
        credit,
        "
        15          ; version 1, class 5 credit
        00          ; flags
        00 00       ; sequence: none
        02          ; opcode: 0x02 PieceCredit
        01          ; transfer: 1
        90 03       ; acknowledged: 400
        E8 07       ; limit: 1000
        00          ; received: none behind the first missing one
        96 87 42 8B ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 15 01 01 07 02 01 90 03 E8 07 05 96 87 42
        8B 00
        ",
    );
}

#[test]
fn a_credit_while_two_pieces_are_missing() {
    let credit = PieceCredit {
        transfer: TRANSFER,
        acknowledged: 400,
        limit: 1_000,
        received: 0b110,
    };
    check_credit(
        credit,
        "
        15          ; version 1, class 5 credit
        00          ; flags
        00 00       ; sequence: none
        02          ; opcode: 0x02 PieceCredit
        01          ; transfer: 1
        90 03       ; acknowledged: 400
        E8 07       ; limit: 1000
        06          ; received: the second and third piece behind the first missing one
        A3 22 21 62 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 15 01 01 0C 02 01 90 03 E8 07 06 A3 22 21
        62 00
        ",
    );
}

#[test]
fn a_credit_at_its_longest() {
    let credit = PieceCredit {
        transfer: TransferId(u32::MAX),
        acknowledged: u64::MAX,
        limit: u64::MAX,
        received: u16::MAX,
    };
    let body = bytes("FF*4 0F FF*9 01 FF*9 01 FF FF 03");
    let mut out = [0; PieceCredit::BODY_BYTES];
    assert_eq!(credit.write(&mut out), Some(PieceCredit::BODY_BYTES));
    assert_eq!(out, body[..]);
    assert_eq!(credit.write(&mut out[1..]), None);
    assert_eq!(PieceCredit::read(&body), Some(credit));
}

#[test]
fn a_body_that_ends_early_or_holds_too_large_a_number_is_malformed() {
    for vector in [
        "",
        "01",
        "01 90 03 E8 07",
        "01 90 03 E8 87",
        "80*4 10 00 00 00 ; transfer: 33 bits",
        "01 00 00 80 80 04 ; received: 17 bits",
        "01 FF*9 02 00 00 ; acknowledged: 65 bits",
    ] {
        assert_eq!(PieceCredit::read(&bytes(vector)), None, "{vector}");
    }
    for vector in ["", "01", "01 80", "80*4 10 00", "01 FF*9 02"] {
        assert_eq!(ObjectPiece::read(&bytes(vector)), None, "{vector}");
    }
}

#[track_caller]
fn check_credit(credit: PieceCredit, plain: &str, wire: &str) {
    let packet = packet(Class::Credit, PIECE_CREDIT_OPCODE, |out| credit.write(out));
    check(&packet, plain, wire);
    let plain = bytes(plain);
    let body = &plain[5..plain.len() - 4];
    assert_eq!(PieceCredit::read(body), Some(credit));
    // Bytes behind the last field change nothing.
    assert_eq!(PieceCredit::read(&[body, b"\xFF"].concat()), Some(credit));
}

fn body_of(piece: &ObjectPiece<'_>) -> Vec<u8> {
    let mut body = vec![0; ROOM];
    let length = piece.write(&mut body).expect("room");
    body.truncate(length);
    body
}
