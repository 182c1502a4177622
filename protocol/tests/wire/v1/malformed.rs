//! Bodies that hold no message, and what a board answers to them.

use super::{bytes, text};
use crate::witness::{Of, saw_refused};
use lastword_protocol::Text;
use lastword_protocol::identity::NAME_BYTES;
use lastword_protocol::message::{BadBody, BadRequest, Reply, Request};
use lastword_protocol::refusal::{Code, Refusal};

#[track_caller]
fn check_request(opcode: u8, vector: &str) {
    saw_refused(Of::Request(opcode), &bytes(vector));
    let read = Request::decode(opcode, &bytes(vector));
    assert_eq!(read, Err(BadRequest::Malformed(opcode)), "{vector}");
}

#[track_caller]
fn check_reply(opcode: u8, vector: &str) {
    saw_refused(Of::Reply(opcode), &bytes(vector));
    let read = Reply::decode(opcode, &bytes(vector));
    assert_eq!(read, Err(BadBody::Malformed(opcode)), "{vector}");
}

#[test]
fn a_value_out_of_its_table_makes_a_body_malformed() {
    check_request(0x10, "04 00*6 ; no such operation");
    check_request(0x10, "00 00 02 00*4 ; a bool is 0 or 1");
    check_request(0x10, "00 00 00 02 00*3 ; a bool is 0 or 1");
    check_request(0x12, "02 07 ; an option is 0 or 1");
    check_reply(0x10, "00 04 07 ; no such backend");
    check_reply(0x7F, "92 03 00 ; no such code: 402");
    check_reply(0x7F, "00 00 ; no such code: 0");
}

/// A number in more bytes than it needs is taken; what is written has the shortest form.
#[test]
fn a_number_longer_than_it_needs_to_be_is_taken() {
    for (opcode, long, short) in [
        (0x12, "01 87 80 00 ; id: 7", "01 07"),
        (0x12, "01 87 80*8 00 ; id: 7, ten bytes", "01 07"),
        (0x10, "00 80 00 00*5 ; delay_ms: 0", "00*7"),
        (0x10, "80 00 00*6 ; operation: 0", "00*7"),
        (0x10, "00*6 81 00 61 ; reason: one byte", "00*6 01 61"),
    ] {
        let read = Request::decode(opcode, &bytes(long)).expect(long);
        assert_eq!(Request::decode(opcode, &bytes(short)), Ok(read), "{long}");
    }
    let read = Reply::<Text<NAME_BYTES>>::decode(0x7F, &bytes("90 83 00 00 00 ; code: 400"));
    assert_eq!(read, Reply::decode(0x7F, &bytes("90 03 00 00")));
    assert!(read.is_ok());
}

#[test]
fn a_number_too_large_for_its_type_makes_a_body_malformed() {
    check_request(0x12, "01 FF*9 02 ; 65 bits");
    check_request(0x12, "01 80*10 00 ; eleven bytes");
    check_reply(0x7F, "80 80 04 00 ; 17 bits");
}

#[test]
fn a_string_too_long_or_no_utf8_makes_a_body_malformed() {
    check_request(0x10, "00*6 41 61*65 ; one byte too many");
    check_request(0x10, "00*6 02 C3 28 ; no UTF-8");
    check_request(0x10, "00*6 03 61 61 ; one byte short");
    check_reply(0x7F, "90 03 61 61*97 ; one byte too many");
}

#[test]
fn what_a_board_answers_to_a_request_it_cannot_read() {
    assert_eq!(
        BadRequest::Unsupported(0x55).reply(),
        Reply::Unsupported(0x55)
    );
    let detail = "the body of opcode 0x10 does not decode";
    assert_eq!(
        BadRequest::Malformed(0x10).reply(),
        Reply::Refused(Refusal {
            code: Code::BadValue,
            detail: text(detail),
            cause: text(""),
        })
    );
}
