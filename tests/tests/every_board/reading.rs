//! How the list reads what boards say: it may not overlook anything.

use lastword_tests::every_board::{Identity, Sorted, Sorter};

#[track_caller]
fn check_normal(line: &str, expected: &str) {
    let identity = Identity::of(
        "ok proto=1 name=\"a b\" kind=mcu firmware=1 backend=mcu boot=f00 boot_source=x cause=y",
    );
    assert_eq!(identity.normal(line), expected);
}

#[test]
fn only_what_the_hello_said_and_numbers_are_masked() {
    check_normal(
        "ok boot=f00 uptime_ms=7 load=0.50",
        "ok boot=* uptime_ms=* load=*",
    );
    check_normal("ok boot=f01 last_boot=f00", "ok boot=f01 last_boot=*");
    check_normal("ok uptime_ms=soon op=9", "ok uptime_ms=soon op=9");
    check_normal("ok name=\"a b\" build=\"c d\" x=1", "ok name=* x=1");
    let quoted = "err got=\"a \\\" boot=f00\" at=0";
    check_normal(quoted, quoted);
}

#[test]
fn text_and_frames_come_apart() {
    let mut sorter = Sorter::default();
    let heard = b"ok\0\0abc\0\r\n\0d\0".map(|byte| sorter.push(byte));
    let heard: Vec<_> = heard.into_iter().filter(|it| *it != Sorted::Held).collect();
    let text = Sorted::Text;
    let frame = |bytes: &[u8]| Sorted::Frame(bytes.to_vec());
    let expected = [
        text(b'o'),
        text(b'k'),
        frame(b"abc"),
        text(b'\r'),
        text(b'\n'),
        frame(b"d"),
    ];
    assert_eq!(heard, expected);
}
