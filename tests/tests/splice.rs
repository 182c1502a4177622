//! A short form of the campaign that `cargo xtask splice` runs at length.

use lastword_tests::splice::run_on_fake_port;

#[test]
fn what_runs_on_a_port_that_loses_input_was_sent_whole() {
    for seed in [1, 2] {
        let campaign = run_on_fake_port(3_000, seed, false);
        let account = campaign.account();
        assert!(account.holds(), "{account}: {:#?}", account.complaints);
    }
}

#[test]
fn a_port_that_tells_nobody_what_it_loses_is_found_out() {
    let campaign = run_on_fake_port(3_000, 1, true);
    let account = campaign.account();
    assert!(account.spliced > 0, "{account}");
}
