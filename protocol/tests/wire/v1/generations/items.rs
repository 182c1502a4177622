//! The items of answers about generations.

use super::super::services::check_page;
use super::{ROOM, bytes, counting_from};
use lastword_protocol::message::generation::{
    CheckBrief, GenerationBrief, GenerationRole, MissingContent, RolloutBrief, SignatureBrief,
};
use lastword_protocol::message::service::{Item, Page};
use lastword_protocol::message::{BadBody, Reply};
use lastword_protocol::rollout::{
    BOOT_LOADER_REVERTED, PIPELINE_FAILED, RolloutState, SIGNATURE_FAILED, SOAK_FAILED,
    VERIFY_FAILED,
};
use lastword_protocol::{Generation, Millis, ObjectHash};

/// The item has this form, which serde makes of it, too, alone and as the only one of a page, of which no part is enough.
#[track_caller]
fn check_item(item: &Item<'_>, vector: &str) {
    let body = bytes(vector);
    let mut out = [0; ROOM];
    let derived = postcard::to_slice(item, &mut out).expect("room");
    assert_eq!(derived, body, "encoding {item:?} with serde");
    let length = body.len();
    assert!(length < 128, "its length is one byte");
    let front = format!("00 {length:02X} ; stream: none, items\n");
    check_page(
        None,
        std::slice::from_ref(item),
        &format!("{front}{vector}"),
    );
}

/// No page has such an item.
#[track_caller]
fn check_malformed_item(vector: &str) {
    let length = bytes(vector).len();
    assert!(length < 128, "its length is one byte");
    let body = bytes(&format!("00 {length:02X} ; stream: none, items\n{vector}"));
    let read = Reply::decode(0x20, &body);
    assert_eq!(read, Err(BadBody::Malformed(0x20)), "{vector}");
}

const fn of_role(role: GenerationRole) -> &'static str {
    match role {
        GenerationRole::Current => "00",
        GenerationRole::Pending => "01",
        GenerationRole::Previous => "02",
        GenerationRole::Stored => "03",
        GenerationRole::Incomplete => "04",
    }
}

#[test]
fn a_generation_in_a_list() {
    let brief = GenerationBrief {
        generation: Generation(counting_from(0xA0)),
        role: GenerationRole::Previous,
        is_quarantined: true,
        name: "gw",
        version: "1.4",
        security_version: 300,
        files: 2,
        bytes: 1_000,
    };
    check_item(
        &Item::Generation(brief),
        "
        07                                              ; item: 7 Generation
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; generation
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        02                                              ; role: 2 Previous
        01                                              ; quarantined: true
        02 67 77                                        ; name: gw
        03 31 2E 34                                     ; version: 1.4
        AC 02                                           ; security_version: 300
        02                                              ; files: 2
        E8 07                                           ; bytes: 1000
        ",
    );
}

#[test]
fn every_place_of_a_generation_keeps_its_number() {
    for role in [
        GenerationRole::Current,
        GenerationRole::Pending,
        GenerationRole::Previous,
        GenerationRole::Stored,
        GenerationRole::Incomplete,
    ] {
        let brief = GenerationBrief {
            generation: Generation([0xAA; 32]),
            role,
            is_quarantined: false,
            name: "",
            version: "",
            security_version: u32::MAX,
            files: u32::MAX,
            bytes: u64::MAX,
        };
        let role = of_role(role);
        let vector = format!(
            "
            07                              ; item: 7 Generation
            AA*32                           ; generation
            {role}                          ; role
            00                              ; quarantined: false
            00                              ; name: empty
            00                              ; version: empty
            FF FF FF FF 0F                  ; security_version: 2^32 - 1
            FF FF FF FF 0F                  ; files: 2^32 - 1
            FF FF FF FF FF FF FF FF FF 01   ; bytes: 2^64 - 1
            "
        );
        check_item(&Item::Generation(brief), &vector);
    }
    check_malformed_item("07 AA*32 05 00*6 ; no such role");
    check_malformed_item("07 AA*32 00 02 00*5 ; a bool is 0 or 1");
}

#[test]
fn a_signature() {
    let signature = ObjectHash(counting_from(0xA0));
    check_item(
        &Item::Signature(SignatureBrief { signature }),
        "
        0B                                              ; item: 11 Signature
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; signature
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        ",
    );
    check_malformed_item("0B AA*31 ; cut short");
}

#[test]
fn a_content_that_is_missing() {
    let missing = MissingContent {
        content: ObjectHash(counting_from(0xA0)),
        size: 300,
        base: None,
    };
    check_item(
        &Item::MissingContent(missing),
        "
        08                                              ; item: 8 MissingContent
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; content
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        AC 02                                           ; size: 300
        00                                              ; base: none
        ",
    );
    let of_older = MissingContent {
        base: Some(ObjectHash(counting_from(0xC0))),
        ..missing
    };
    check_item(
        &Item::MissingContent(of_older),
        "
        08                                              ; item: 8 MissingContent
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; content
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        AC 02                                           ; size: 300
        01                                              ; base: some
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ;   value
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        ",
    );
    check_malformed_item("08 AA*32 00 02 BB*32 ; an option is 0 or 1");
}

/// A rollout of which there is not much to say.
const QUIET: RolloutBrief<'_> = RolloutBrief {
    target: Generation([0xAA; 32]),
    previous: None,
    state: RolloutState::Pending,
    attempts: 0,
    soak_left: None,
    code: 0,
    detail: "",
    is_test: false,
};

const fn of_state(state: RolloutState) -> &'static str {
    match state {
        RolloutState::Pending => "00",
        RolloutState::Activating { is_deferred: false } => "01 00",
        RolloutState::Activating { is_deferred: true } => "01 01",
        RolloutState::Soaking => "02",
        RolloutState::Converged => "03",
        RolloutState::Failed {
            is_rolling_back: false,
        } => "04 00",
        RolloutState::Failed {
            is_rolling_back: true,
        } => "04 01",
        RolloutState::Reverted => "05",
    }
}

#[test]
fn a_rollout_with_all_there_is_and_with_nothing() {
    let rollout = RolloutBrief {
        target: Generation(counting_from(0xA0)),
        previous: Some(Generation(counting_from(0xC0))),
        state: RolloutState::Activating { is_deferred: true },
        attempts: 2,
        soak_left: Some(Millis(300)),
        code: SOAK_FAILED,
        detail: "no",
        is_test: true,
    };
    check_item(
        &Item::Rollout(rollout),
        "
        09                                              ; item: 9 Rollout
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 AA AB AC AD AE AF ; target
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 BA BB BC BD BE BF
        01                                              ; previous: some
        C0 C1 C2 C3 C4 C5 C6 C7 C8 C9 CA CB CC CD CE CF ;   value
        D0 D1 D2 D3 D4 D5 D6 D7 D8 D9 DA DB DC DD DE DF
        01                                              ; state: 1 Activating
        01                                              ;   deferred: true
        02                                              ; attempts: 2
        01 AC 02                                        ; soak_left_ms: 300
        07                                              ; code: -4, zigzag
        02 6E 6F                                        ; detail: no
        01                                              ; test: true
        ",
    );
    check_item(
        &Item::Rollout(QUIET),
        "
        09              ; item: 9 Rollout
        AA*32           ; target
        00              ; previous: none
        00              ; state: 0 Pending
        00              ; attempts: 0
        00              ; soak_left_ms: none
        00              ; code: 0
        00              ; detail: empty
        00              ; test: false
        ",
    );
}

#[test]
fn every_state_of_a_rollout_keeps_its_number() {
    for state in RolloutState::ALL {
        let vector = format!(
            "
            09              ; item: 9 Rollout
            AA*32           ; target
            00              ; previous: none
            {}              ; state
            FF              ; attempts: 255
            00              ; soak_left_ms: none
            00              ; code: 0
            00              ; detail: empty
            00              ; test: false
            ",
            of_state(state)
        );
        let rollout = RolloutBrief {
            state,
            attempts: u8::MAX,
            ..QUIET
        };
        check_item(&Item::Rollout(rollout), &vector);
    }
    check_malformed_item("09 AA*32 00 06 00*5 ; no such state");
    check_malformed_item("09 AA*32 00 01 02 00*5 ; a bool is 0 or 1");
    check_malformed_item("09 AA*32 00 04 02 00*5 ; a bool is 0 or 1");
    check_malformed_item("09 AA*32 02 00*6 ; an option is 0 or 1");
}

#[test]
fn codes_below_zero_are_zigzag() {
    for (code, written) in [
        (0, "00"),
        (PIPELINE_FAILED, "01"),
        (1, "02"),
        (SIGNATURE_FAILED, "03"),
        (VERIFY_FAILED, "05"),
        (SOAK_FAILED, "07"),
        (BOOT_LOADER_REVERTED, "09"),
        (75, "96 01"),
        (-300, "D7 04"),
        (i32::MAX, "FE FF FF FF 0F"),
        (i32::MIN, "FF FF FF FF 0F"),
    ] {
        let vector = format!(
            "
            09              ; item: 9 Rollout
            AA*32           ; target
            00              ; previous: none
            00              ; state: 0 Pending
            00              ; attempts: 0
            00              ; soak_left_ms: none
            {written}       ; code
            00              ; detail: empty
            00              ; test: false
            "
        );
        check_item(&Item::Rollout(RolloutBrief { code, ..QUIET }), &vector);
    }
    check_malformed_item("09 AA*32 00*4 FF FF FF FF 1F 00 00 ; a code of 33 bits");
}

#[test]
fn a_check_has_passed_or_not_or_not_yet() {
    let check = |has_passed, detail| {
        Item::Check(CheckBrief {
            name: "web",
            runs: 300,
            failures: 1,
            failures_max: 3,
            has_passed,
            detail,
        })
    };
    let front = "
        0A              ; item: 10 Check
        03 77 65 62     ; name: web
        AC 02           ; runs: 300
        01              ; failures: 1
        03              ; failures_max: 3
    ";
    for (item, behind) in [
        (check(None, ""), "00 00 ; passed: none, detail: empty"),
        (
            check(Some(true), ""),
            "
            01 01           ; passed: true
            00              ; detail: empty
            ",
        ),
        (
            check(Some(false), "no"),
            "
            01 00           ; passed: false
            02 6E 6F        ; detail: no
            ",
        ),
    ] {
        check_item(&item, &format!("{front}{behind}"));
    }
    check_malformed_item("0A 00 00 00 00 01 02 00 ; a bool is 0 or 1");
    check_malformed_item("0A 00 00 00 00 02 00 00 ; an option is 0 or 1");
}

#[test]
fn no_item_comes_behind_the_last_one() {
    check_malformed_item("0B 00*40 ; no such item");
}

/// A status: the rollout, then its checks.
#[test]
fn items_of_several_kinds_share_a_page() {
    let check = CheckBrief {
        name: "a",
        runs: 0,
        failures: 0,
        failures_max: 1,
        has_passed: None,
        detail: "",
    };
    let items = [Item::Rollout(QUIET), Item::Check(check)];
    check_page(
        None,
        &items,
        "
        00              ; stream: none
        30              ; items: 48 bytes
        09              ; item: 9 Rollout
        AA*32           ; target
        00              ; previous: none
        00              ; state: 0 Pending
        00              ; attempts: 0
        00              ; soak_left_ms: none
        00              ; code: 0
        00              ; detail: empty
        00              ; test: false
        0A              ; item: 10 Check
        01 61           ; name: a
        00              ; runs: 0
        00              ; failures: 0
        01              ; failures_max: 1
        00              ; passed: none
        00              ; detail: empty
        ",
    );
    let mut page = Page::default();
    assert!(items.iter().all(|item| page.push(item)));
    assert_eq!(page.bytes(), 48);
}
