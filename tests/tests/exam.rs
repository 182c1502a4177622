//! The exam that `cargo xtask lossy --board mcu` holds with real firmware, here with the simulated
//! agent: whoever is right passes, whoever is wrong does not.

use lastword_tests::board::{Board, Options};
use lastword_tests::exam::{self, Tally};
use lastword_tests::uart::Uart;

/// How many requests are to be answered.
const REQUESTS: u64 = 400;

async fn sit(planted: Option<u64>, seed: u64) -> Tally {
    let uart = Uart::new(115_200);
    let _board = Board::on_uart(&uart, Options::default());
    let tally = exam::sit(&uart, planted, REQUESTS, seed).await;
    tally.unwrap_or_else(|why| panic!("seed {seed}: {why}"))
}

#[tokio::test(start_paused = true)]
async fn over_a_noisy_line_every_answer_is_the_one_to_its_request() {
    for seed in 0..3 {
        let tally = sit(None, seed).await;
        assert!(tally.holds(), "seed {seed}: {:#?}", tally.complaints);
        assert_eq!((tally.answered, tally.told), (REQUESTS, 0), "seed {seed}");
        // A line that does nothing proves nothing.
        let line = tally.line;
        assert!(line.struck.bytes > 20, "seed {seed}: {tally}");
        assert!(line.struck.again > 20, "seed {seed}: {tally}");
        assert!(
            line.noise.iter().all(|lines| *lines > 10),
            "seed {seed}: {tally}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_request_is_found_out() {
    let tally = sit(Some(20), 0).await;
    assert!(tally.wrong >= 5, "{tally}");
}
