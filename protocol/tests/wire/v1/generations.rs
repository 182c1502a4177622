//! The bodies of requests about generations.
//!
//! Not among what an emulated microcontroller is shown: it has none.

mod items;

use super::{ROOM, bytes, counting_from, text};
use lastword_protocol::ObjectHash;
use lastword_protocol::message::generation::{
    ActivateRequest, ContentExpansion, GENERATION_NAME_BYTES, GenerationOffer, GenerationRequest,
};
use lastword_protocol::message::{BadRequest, Request};
use serde::Serialize;

/// The request has this body, which serde makes of its content, too; bytes behind it change nothing, and no part of it
/// is enough.
#[track_caller]
fn check_request(request: GenerationRequest, content: &impl Serialize, opcode: u8, vector: &str) {
    let request = Request::Generation(request);
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let length = request.encode(&mut out).expect("room");
    assert_eq!(request.opcode(), opcode);
    assert_eq!(out[..length], body, "encoding {request:?}");
    let derived = postcard::to_slice(content, &mut out).expect("room");
    assert_eq!(derived, body, "encoding {request:?} with serde");
    assert_eq!(Request::decode(opcode, &body).as_ref(), Ok(&request));
    let longer = [body.as_slice(), b"\xFF\x00"].concat();
    assert_eq!(Request::decode(opcode, &longer).as_ref(), Ok(&request));
    for cut in 0..body.len() {
        let truncated = Request::decode(opcode, &body[..cut]);
        assert_eq!(truncated, Err(BadRequest::Malformed(opcode)), "{cut} bytes");
    }
}

#[track_caller]
fn check_malformed(opcode: u8, vector: &str) {
    let read = Request::decode(opcode, &bytes(vector));
    assert_eq!(read, Err(BadRequest::Malformed(opcode)), "{vector}");
}

#[test]
fn requests_without_fields_have_empty_bodies() {
    check_request(GenerationRequest::List, &(), 0x50, "");
    check_request(GenerationRequest::Current, &(), 0x52, "");
    check_request(GenerationRequest::Confirm, &(), 0x56, "");
    check_request(GenerationRequest::Status, &(), 0x58, "");
}

#[test]
fn requests_name_a_generation_by_its_first_digits_or_all() {
    check_request(
        GenerationRequest::Show(text("00ff")),
        &"00ff",
        0x51,
        "04 30 30 66 66 ; name: 00ff",
    );
    let whole = "a".repeat(GENERATION_NAME_BYTES);
    check_request(
        GenerationRequest::Show(text(&whole)),
        &whole.as_str(),
        0x51,
        "
        40              ; name: 64 bytes
        61*64           ;   a, 64 times
        ",
    );
    check_request(
        GenerationRequest::Unquarantine(text("00ff")),
        &"00ff",
        0x59,
        "04 30 30 66 66 ; name: 00ff",
    );
    for opcode in [0x51, 0x59] {
        check_malformed(opcode, "41 61*65 ; one byte too many");
        check_malformed(opcode, "02 C3 28 ; no UTF-8");
    }
    check_malformed(0x55, "41 61*65 00 00 ; one byte too many");
}

#[test]
fn an_offer_names_two_objects() {
    let offer = GenerationOffer {
        manifest: ObjectHash(counting_from(0xA0)),
        signature: ObjectHash(counting_from(0xC0)),
        allow_older: false,
    };
    check_request(
        GenerationRequest::Offer(offer),
        &offer,
        0x53,
        "
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; manifest
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ; signature
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        00                                              ; allow_older: false
        ",
    );
    let older = GenerationOffer {
        allow_older: true,
        ..offer
    };
    check_request(
        GenerationRequest::Offer(older),
        &older,
        0x53,
        "
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; manifest
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ; signature
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        01                                              ; allow_older: true
        ",
    );
    check_malformed(0x53, "AA*32 BB*32 02 ; a bool is 0 or 1");
}

#[test]
fn a_content_is_expanded_with_or_without_another() {
    let alone = ContentExpansion {
        content: ObjectHash(counting_from(0xA0)),
        size: 300,
        packed: ObjectHash(counting_from(0xC0)),
        base: None,
    };
    check_request(
        GenerationRequest::Expand(alone),
        &alone,
        0x54,
        "
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; content
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        AC 02                                           ; size: 300
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ; packed
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        00                                              ; base: none
        ",
    );
    let delta = ContentExpansion {
        size: u64::MAX,
        base: Some(ObjectHash([0xEE; 32])),
        ..alone
    };
    check_request(
        GenerationRequest::Expand(delta),
        &delta,
        0x54,
        "
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; content
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        FF FF FF FF FF FF FF FF FF 01                   ; size: 2^64 - 1
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ; packed
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        01                                              ; base: some
        EE*32                                           ;   value
        ",
    );
    check_malformed(0x54, "AA*32 00 BB*32 02 CC*32 ; an option is 0 or 1");
    check_malformed(0x54, "AA*32 FF*9 02 BB*32 00 ; a size of 65 bits");
}

#[test]
fn an_order_to_activate_has_two_options() {
    for (allow_older, vector) in [
        (false, "00 ; allow_older: false"),
        (true, "01 ; allow_older: true"),
    ] {
        let request = GenerationRequest::Rollback { allow_older };
        check_request(request, &allow_older, 0x57, vector);
    }
    let order = |allow_older, reboot| ActivateRequest {
        name: text("00ff"),
        allow_older,
        reboot,
    };
    for (order, vector) in [
        (
            order(false, false),
            "
            04 30 30 66 66  ; name: 00ff
            00              ; allow_older: false
            00              ; reboot: false
            ",
        ),
        (
            order(true, false),
            "
            04 30 30 66 66  ; name: 00ff
            01              ; allow_older: true
            00              ; reboot: false
            ",
        ),
        (
            order(false, true),
            "
            04 30 30 66 66  ; name: 00ff
            00              ; allow_older: false
            01              ; reboot: true
            ",
        ),
    ] {
        check_request(
            GenerationRequest::Activate(order.clone()),
            &order,
            0x55,
            vector,
        );
    }
    check_malformed(0x55, "04 30 30 66 66 02 00 ; a bool is 0 or 1");
    check_malformed(0x55, "04 30 30 66 66 00 02 ; a bool is 0 or 1");
}

#[test]
fn some_are_kept() {
    let prune = |keep| GenerationRequest::Prune { keep };
    check_request(prune(0), &0_u16, 0x5A, "00 ; keep: 0");
    check_request(prune(300), &300_u16, 0x5A, "AC 02 ; keep: 300");
    check_request(prune(u16::MAX), &u16::MAX, 0x5A, "FF FF 03 ; keep: 65535");
    check_malformed(0x5A, "80 80 04 ; 17 bits");
}

#[test]
fn the_opcodes_around_them_are_free() {
    for opcode in [0x4F, 0x5B] {
        let read = Request::decode(opcode, b"");
        assert_eq!(read, Err(BadRequest::Unsupported(opcode)));
    }
}
