//! The requests that open and end transfers, and the reply.

use super::super::{bytes, check_reply, check_request, counting_from};
use super::{NONCE, ROOM, TRANSFER, check};
use crate::witness::{Of, saw_refused};
use core::num::NonZeroU16;
use lastword_protocol::frame::{self, Class, Header, Packet};
use lastword_protocol::message::{
    BadBody, BadRequest, Reply, Request, TransferOpened, TransferRequest,
};
use lastword_protocol::{ObjectHash, Sequence, TransferId};

fn hash() -> ObjectHash {
    ObjectHash(counting_from(0x40))
}

fn piece(length: u16) -> NonZeroU16 {
    NonZeroU16::new(length).expect("a length")
}

fn opened() -> TransferOpened {
    TransferOpened::new(TRANSFER, 400, 1_000, piece(188)).expect("it begins before its end")
}

fn request(sequence: u16, request: TransferRequest) -> Packet<ROOM> {
    let header = Header::new(Class::Request, Sequence(sequence), request.opcode());
    let request = Request::Transfer(request);
    frame::encode(header, NONCE, |out| request.encode(out).ok()).expect("room")
}

#[test]
fn put() {
    let put = TransferRequest::Put {
        hash: hash(),
        size: 1_000,
        piece_max: piece(498),
    };
    check(
        &request(4, put),
        "
        11                                              ; version 1, class 1 request
        00                                              ; flags
        04 00                                           ; sequence: 4
        30                                              ; opcode: 0x30 Put
        40 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F ; hash
        50 51 52 53 54 55 56 57 58 59 5A 5B 5C 5D 5E 5F
        E8 07                                           ; size: 1000
        F2 03                                           ; piece_max: 498
        E2 9A 36 25                                     ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 11 02 04 2A 30 40 41 42 43 44 45 46 47 48
        49 4A 4B 4C 4D 4E 4F 50 51 52 53 54 55 56 57 58
        59 5A 5B 5C 5D 5E 5F E8 07 F2 03 E2 9A 36 25 00
        ",
    );
    check_request(
        &Request::Transfer(put),
        0x30,
        "
        40 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F ; hash
        50 51 52 53 54 55 56 57 58 59 5A 5B 5C 5D 5E 5F
        E8 07                                           ; size: 1000
        F2 03                                           ; piece_max: 498
        ",
    );
}

#[test]
fn get() {
    let get = TransferRequest::Get {
        hash: hash(),
        from: u64::MAX,
        piece_max: NonZeroU16::MAX,
    };
    check_request(
        &Request::Transfer(get),
        0x31,
        "
        40 41 42 43 44 45 46 47 48 49 4A 4B 4C 4D 4E 4F ; hash
        50 51 52 53 54 55 56 57 58 59 5A 5B 5C 5D 5E 5F
        FF*9 01                                         ; from: 18446744073709551615
        FF FF 03                                        ; piece_max: 65535
        ",
    );
}

#[test]
fn commit_and_cancel() {
    let last = TransferId(u32::MAX);
    for (transfer, vector) in [(TRANSFER, "01"), (last, "FF*4 0F")] {
        let commit = Request::Transfer(TransferRequest::Commit(transfer));
        check_request(&commit, 0x32, vector);
        let cancel = Request::Transfer(TransferRequest::Cancel(transfer));
        check_request(&cancel, 0x33, vector);
    }
    check(
        &request(5, TransferRequest::Commit(TRANSFER)),
        "
        11          ; version 1, class 1 request
        00          ; flags
        05 00       ; sequence: 5
        32          ; opcode: 0x32 TransferCommit
        01          ; transfer: 1
        A1 AB 39 08 ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 11 02 05 07 32 01 A1 AB 39 08 00
        ",
    );
}

#[test]
fn a_transfer_is_open() {
    let reply = Reply::TransferOpened(opened());
    let header = Header::new(Class::Reply, Sequence(4), reply.opcode());
    check(
        &frame::encode(header, NONCE, |out| reply.encode(out).ok()).expect("room"),
        "
        12          ; version 1, class 2 reply
        00          ; flags
        04 00       ; sequence: 4
        30          ; opcode: 0x30 TransferOpened
        01          ; transfer: 1
        90 03       ; offset: 400
        E8 07       ; size: 1000
        BC 01       ; piece: 188
        AC 57 09 4E ; CRC-32 over E4 9C 15 30 and all of the above
        ",
        "
        00 02 12 02 04 0D 30 01 90 03 E8 07 BC 01 AC 57
        09 4E 00
        ",
    );
    check_reply(
        &reply,
        0x30,
        "
        01          ; transfer: 1
        90 03       ; offset: 400
        E8 07       ; size: 1000
        BC 01       ; piece: 188
        ",
    );
    let longest = TransferOpened::new(TransferId(u32::MAX), u64::MAX, u64::MAX, NonZeroU16::MAX);
    check_reply(
        &Reply::TransferOpened(longest.expect("nothing is left of it")),
        0x30,
        "
        FF*4 0F     ; transfer: 4294967295
        FF*9 01     ; offset: 18446744073709551615
        FF*9 01     ; size: 18446744073709551615
        FF FF 03    ; piece: 65535
        ",
    );
}

#[test]
fn pieces_of_nothing_and_transfers_from_behind_the_end_are_malformed() {
    for (opcode, vector) in [
        (0x30, "00*32 01 00 ; piece_max: 0"),
        (0x31, "00*32 01 00 ; piece_max: 0"),
        (0x31, "00*32 01 80 80 04 ; piece_max: 17 bits"),
        (0x32, "80*4 10 ; transfer: 33 bits"),
        (0x33, "80*4 10 ; transfer: 33 bits"),
    ] {
        saw_refused(Of::Request(opcode), &bytes(vector));
        let read = Request::decode(opcode, &bytes(vector));
        assert_eq!(read, Err(BadRequest::Malformed(opcode)), "{vector}");
    }
    for vector in ["01 02 01 01 ; offset: 2, size: 1", "01 00 01 00 ; piece: 0"] {
        saw_refused(Of::Reply(0x30), &bytes(vector));
        let read = <Reply>::decode(0x30, &bytes(vector));
        assert_eq!(read, Err(BadBody::Malformed(0x30)), "{vector}");
    }
}
