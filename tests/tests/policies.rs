//! The agent beside what is in common use: the figures of the README, and what must hold in every
//! one of them.

use crate::last_word::Hasty;
use lastword_agent::core::config::Config;
use lastword_protocol::Millis;
use lastword_tests::board::Board;
use lastword_tests::policies::{
    self, BAUDS, LONGEST_CAP, Line, Outcome, Policy, QUEUES, SHIPPED_CAP, STALLS, Trial, options,
    table, trial,
};
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

static TRIALS: LazyLock<Vec<Trial>> = LazyLock::new(policies::run);

/// The trials of one policy; as many as there are lines.
#[track_caller]
fn trials(policy: Policy) -> impl Iterator<Item = &'static Trial> {
    let of_policy = || TRIALS.iter().filter(move |trial| trial.policy == policy);
    let lines = BAUDS.len() * QUEUES.len() * STALLS.len();
    assert_eq!(of_policy().count(), lines, "{policy:?}");
    of_policy()
}

fn ours() -> impl Iterator<Item = &'static Trial> {
    trials(Policy::Lastword(SHIPPED_CAP)).chain(trials(Policy::Lastword(LONGEST_CAP)))
}

#[test]
fn the_readme_shows_what_is_measured() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(path).unwrap();
    let measured = table::put(&readme, &table::readme(&TRIALS)).expect("marks in the README");
    assert_eq!(readme, measured, "run `cargo xtask policies --write`");
}

#[test]
fn the_agent_is_tried_as_it_is_shipped_and_with_the_longest_cap_it_takes() {
    assert_eq!(Config::default().power.drain_cap, SHIPPED_CAP);
    let with_cap = |cap| Config::parse("agent.kdl", &format!("power {{ drain-cap \"{cap}\"; }}"));
    assert_eq!(with_cap(LONGEST_CAP).unwrap().power.drain_cap, LONGEST_CAP);
    assert!(with_cap(Millis(LONGEST_CAP.0 + 1)).is_err());
}

#[test]
fn what_is_between_the_marks_is_replaced_and_nothing_else() {
    let [begin, end] = [table::BEGIN, table::END];
    let old = format!("a\n{begin}\nold\n{end}\nb\n");
    let new = format!("a\n{begin}\nnew\n{end}\nb\n");
    assert_eq!(table::put(&old, "new\n"), Some(new));
    assert_eq!(table::put(begin, "new\n"), None);
    assert_eq!(table::put("a\n", "new\n"), None);
}

#[test]
fn lastword_loses_no_acknowledgement_on_any_line() {
    for trial in ours() {
        assert!(!trial.outcome.is_lost(), "{trial:?}");
    }
}

/// Whoever never resets loses nothing either.
#[test]
fn lastword_resets_wherever_its_drain_cap_gives_the_line_its_time() {
    for trial in trials(Policy::Lastword(LONGEST_CAP)) {
        let is_let_go = trial.line.stall <= Duration::from_millis(100);
        let resets = matches!(trial.outcome, Outcome::Reset { .. });
        assert!(resets || !is_let_go, "{trial:?}");
    }
}

#[test]
fn lastword_stands_down_where_a_line_is_held_for_longer_than_it_waits() {
    for trial in trials(Policy::Lastword(SHIPPED_CAP)) {
        let is_held = trial.line.stall > Duration::from_millis(SHIPPED_CAP.0);
        let resets = matches!(trial.outcome, Outcome::Reset { .. });
        assert!(!(resets && is_held), "{trial:?}");
    }
}

/// Nobody takes back what is in a queue: that a board has stood down is on its record, and the
/// ladder sees no new boot.
#[test]
fn the_acknowledgement_of_what_stood_down_arrives_when_the_line_moves_again() {
    for trial in ours() {
        if let Outcome::StoodDown { late_ack, .. } = trial.outcome {
            assert!(late_ack, "{trial:?}");
        }
    }
}

#[track_caller]
fn check_within_two_milliseconds(line: Line, outcome: Outcome) {
    if let Outcome::Reset { behind_ack, .. } = outcome {
        let late = behind_ack.unwrap_or_else(|| panic!("lost: {line:?}"));
        assert!(late <= Duration::from_millis(2), "{line:?}: {late:?}");
    }
}

#[test]
fn lastword_resets_at_115200_baud_within_two_milliseconds_of_the_last_bit() {
    for trial in ours().filter(|trial| trial.line.baud == 115_200) {
        check_within_two_milliseconds(trial.line, trial.outcome);
    }
}

/// A queue that is a byte longer ends 87 µs later, so that the last bit falls anywhere between two
/// ticks of the clock.
#[test]
fn it_does_so_wherever_the_last_bit_falls_between_two_ticks() {
    for queued_bytes in 0..100 {
        let line = Line {
            baud: 115_200,
            queued_bytes,
            stall: Duration::ZERO,
        };
        let outcome = trial(line, |uart| {
            Board::on_uart(uart, options(SHIPPED_CAP)).into()
        });
        assert!(matches!(outcome, Outcome::Reset { .. }), "{line:?}");
        check_within_two_milliseconds(line, outcome);
    }
}

#[test]
fn whoever_resets_at_once_loses_on_every_line() {
    for trial in trials(Policy::WriteThenReset) {
        assert!(trial.outcome.is_lost(), "{trial:?}");
    }
}

#[test]
fn a_fixed_delay_loses_on_slow_lines_and_on_stalled_ones_and_not_on_fast_ones() {
    let loses = |baud, queued_bytes, stall| {
        let line = Line {
            baud,
            queued_bytes,
            stall,
        };
        let trial = trials(Policy::FixedDelay).find(|trial| trial.line == line);
        trial.expect("a line that is tried").outcome.is_lost()
    };
    let [none, _, second, _] = STALLS;
    for (baud, queued_bytes, stall, expected) in [
        (1_200, 0, none, false),
        (1_200, 256, none, true),
        (9_600, 256, none, true),
        (115_200, 1_024, none, false),
        (115_200, 4_095, none, true),
        (3_000_000, 4_095, none, false),
        (3_000_000, 0, second, true),
    ] {
        let lost = loses(baud, queued_bytes, stall);
        assert_eq!(lost, expected, "{baud} {queued_bytes} {stall:?}");
    }
    for baud in BAUDS {
        assert!(loses(baud, 0, second), "{baud} baud, stalled");
    }
}

/// The figures can fail: the same agent on a link that lies about its drain.
#[test]
fn lastword_on_a_link_that_lies_about_its_drain_loses_as_the_others_do() {
    for baud in BAUDS {
        for queued_bytes in QUEUES {
            let line = Line {
                baud,
                queued_bytes,
                stall: Duration::ZERO,
            };
            let outcome = trial(line, |uart| {
                let hasty = |link| Box::new(Hasty(link)) as _;
                Board::on_port(uart, options(SHIPPED_CAP), hasty).into()
            });
            assert!(outcome.is_lost(), "{line:?}: {outcome:?}");
        }
    }
}
