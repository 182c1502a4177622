//! Which boot it is: what is retained, and what is made of it.

use crate::bench::{Bench, Hardware};
use lastword_protocol::BootId;
use lastword_responder::RETAINED_BYTES;
use proptest::prelude::*;

/// What the next boot on this hardware says of itself.
fn hello(hardware: Hardware) -> (BootId, String) {
    let mut bench = Bench::boot(hardware);
    let boot = bench.responder.boot();
    bench.say("\n");
    (boot, bench.say("hello\n"))
}

/// Boots on retained memory that was spoiled like this, after a reboot that was asked for; what
/// the hello has to say of its cause.
#[track_caller]
fn check(spoil: impl FnOnce(&mut Hardware), cause: &str, remembers: bool) {
    let mut bench = Bench::new();
    bench.say("\nreboot --op 9\n");
    let before = bench.responder.boot();
    let mut hardware = bench.hardware;
    hardware.retained = hardware.at_fire;
    spoil(&mut hardware);
    let (boot, hello) = hello(hardware);
    assert!(hello.contains(&format!(" cause={cause} ")), "{hello}");
    assert_eq!(hello.contains(" last_op=9 "), remembers, "{hello}");
    let counted = count(boot) == count(before) + 1;
    assert_eq!(
        counted,
        remembers || count(before) == 1_001,
        "{boot} {before}"
    );
}

/// How many boots an id counts.
fn count(boot: BootId) -> u32 {
    let [.., a, b, c, d] = boot.0;
    u32::from_le_bytes([a, b, c, d])
}

#[test]
fn a_boot_knows_its_cause_from_what_was_retained() {
    check(|_| {}, "requested", true);
    check(|hardware| hardware.watchdog_bit = true, "watchdog", true);
    // Interrupted before its release, or an operation of long ago.
    let (_, second) = {
        let mut bench = Bench::new();
        bench.say("\nreboot --op 9 --in 1h\n");
        hello(bench.hardware)
    };
    assert!(second.contains(" cause=external "), "{second}");
    assert!(second.contains(" last_outcome=interrupted "), "{second}");
}

#[test]
fn a_boot_that_has_lost_its_memory_begins_to_count_anew() {
    let mut bench = Bench::boot(Hardware::default());
    assert_eq!(
        count(bench.responder.boot()),
        1_001,
        "from what chance gave"
    );
    bench.say("\n");
    let hello = bench.say("hello\n");
    assert!(hello.contains(" cause=power_on "), "{hello}");
    assert!(!hello.contains("last_"), "{hello}");
}

#[test]
fn one_flipped_bit_is_as_good_as_no_memory() {
    for bit in 0..RETAINED_BYTES * 8 {
        let mut bench = Bench::new();
        bench.say("\nreboot --op 9\n");
        let mut hardware = bench.hardware;
        let mut retained = hardware.at_fire.expect("it fired");
        retained[bit / 8] ^= 1 << (bit % 8);
        hardware.retained = Some(retained);
        // Not even a watchdog says then which boot it was that it ended.
        hardware.watchdog_bit = bit % 2 == 0;
        let (_, hello) = hello(hardware);
        assert!(hello.contains(" cause=power_on "), "bit {bit}: {hello}");
        assert!(!hello.contains("last_"), "bit {bit}: {hello}");
    }
}

#[test]
fn each_boot_has_an_id_of_its_own() {
    let mut bench = Bench::new();
    let mut seen = Vec::new();
    for _ in 0..20 {
        let boot = bench.responder.boot();
        assert!(!seen.contains(&boot), "{boot}");
        seen.push(boot);
        bench = Bench::boot(bench.hardware);
    }
}

proptest! {
    #[test]
    fn whatever_is_retained_boots_and_fires_nothing(retained: [[u8; 32]; 2], watchdog_bit: bool) {
        let retained: Vec<u8> = retained.concat();
        let hardware = Hardware {
            keeps: true,
            retained: retained.try_into().ok(),
            watchdog_bit,
            ..Hardware::default()
        };
        let mut bench = Bench::boot(hardware);
        bench.say("\n");
        let hello = bench.say("hello\n");
        prop_assert!(hello.contains(" cause=power_on "), "{}", hello);
        bench.pass(10_000);
        prop_assert_eq!(&bench.hardware.fired, &[]);
    }
}
