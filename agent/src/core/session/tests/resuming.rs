//! Text behind what was no frame: after a second of silence it is taken again, on every kind of link.

use super::*;

const UNIX: Traits = Traits {
    telnet: false,
    ..TCP
};
const PTY: Traits = Traits {
    marked: false,
    ..UART
};

#[test]
fn text_is_taken_again_after_a_second_of_silence_on_every_link() {
    for traits in [TCP, UNIX, PTY] {
        for before in [
            &b"\0"[..],
            b"\0garbage\0",
            b"\0half",
            b"\0\0\0",
            &[b'\0'; 5_000],
        ] {
            let mut bench = Bench::new(traits);
            bench.receive(before);
            bench.wait(999);
            bench.receive(b"uptime\n");
            bench.wait(999);
            // On a line, nothing at all stands behind a delimiter, after 50 ms.
            let is_nothing = traits == PTY && before.iter().all(|byte| *byte == 0);
            assert_eq!(
                bench.text().contains("ok"),
                is_nothing,
                "{traits:?} {before:?}"
            );
            bench.wait(1);
            bench.receive(b"uptime\n");
            bench.wait(50);
            assert!(
                bench.text().contains("ok uptime_ms="),
                "{traits:?} {before:?}"
            );
        }
    }
}

#[test]
fn text_behind_half_a_frame_is_taken_at_the_end_of_input_too() {
    let mut bench = Bench::new(UNIX);
    bench.receive(b"\0half");
    bench.wait(1_000);
    bench.receive(b"uptime\n");
    assert_eq!(bench.text(), "");
    bench.session.end_of_input(&Board);
    bench.take_output();
    assert!(
        bench.text().starts_with("ok uptime_ms="),
        "{}",
        bench.text()
    );
    assert_eq!(bench.session.end(), Some(End::Finished));
}

#[test]
fn a_request_whose_rest_comes_late_runs_once_and_its_text_does_not() {
    let mut bench = Bench::new(TCP);
    bench.receive(&ask_hello(CLIENT, false));
    let nonce = welcomed(&bench.said);
    let mut power = PowerRequest::plain(Operation::Reboot);
    power.reason = Text::try_from("\nreboot\nreboot\n").unwrap();
    let packet = request(nonce, 1, &Request::Power(power.clone()));
    for cut in 2..packet.len() - 1 {
        let mut bench = Bench::new(TCP);
        bench.receive(&ask_hello(CLIENT, false));
        bench.receive(&packet[..cut]);
        bench.wait(5_000);
        bench.receive(&packet[cut..]);
        bench.wait(5_000);
        assert_eq!(bench.asked, [Ask::Stage(power.clone())], "{cut}");
    }
}
