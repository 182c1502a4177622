//! The simulated line itself: if it lies, every other test here does.

use lastword_client::dial::Dial;
use lastword_tests::lossy::{LossyUart, Mishaps};
use lastword_tests::uart::{Rates, Side, TTY_BYTES, Uart};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, advance, timeout};

#[tokio::test(start_paused = true)]
async fn a_byte_takes_ten_bits() {
    for (baud, byte_nanos) in [(1_200, 8_333_333), (115_200, 86_805), (3_000_000, 3_333)] {
        let uart = Uart::new(baud);
        let start = Instant::now();
        uart.host_end().write_all(b"abc").await.unwrap();
        let mut received = [0; 3];
        uart.agent_end().read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"abc");
        let last_bit = uart.heard(Side::Host)[2].0;
        assert_eq!(
            last_bit - start,
            Duration::from_nanos(3 * byte_nanos),
            "{baud} baud"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_line_keeps_its_bytes_and_takes_no_more_than_the_queue_holds() {
    let uart = Uart::new(115_200);
    uart.stall(Side::Agent, true);
    let mut agent = uart.agent_end();
    let all = vec![b'x'; TTY_BYTES + 1];
    let writing = timeout(Duration::from_secs(10), agent.write_all(&all));
    assert!(writing.await.is_err(), "one byte too many was taken");
    assert_eq!(uart.queued(Side::Agent), TTY_BYTES);
    assert!(uart.heard(Side::Agent).is_empty());
    uart.stall(Side::Agent, false);
    advance(Duration::from_secs(1)).await;
    assert_eq!(uart.heard(Side::Agent).len(), TTY_BYTES);
}

#[tokio::test(start_paused = true)]
async fn a_reset_loses_what_has_not_left() {
    let uart = Uart::new(1_200);
    uart.agent_end().write_all(b"last word").await.unwrap();
    advance(Duration::from_millis(30)).await;
    uart.reset_agent();
    advance(Duration::from_secs(1)).await;
    let heard: Vec<u8> = uart
        .heard(Side::Agent)
        .iter()
        .map(|(_, byte)| *byte)
        .collect();
    assert_eq!(heard, b"las", "three bytes of 8.3 ms were out after 30 ms");
}

#[tokio::test(start_paused = true)]
async fn breaks_and_the_byte_ff_are_marked_as_a_tty_does() {
    let uart = Uart::new(115_200);
    let mut agent = uart.agent_end();
    uart.host_end().write_all(b"a\xFF").await.unwrap();
    uart.send_break();
    let mut received = [0; 6];
    agent.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"a\xFF\xFF\xFF\x00\x00");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_strikes_the_same_bytes() {
    let mut heard = Vec::new();
    for _ in 0..2 {
        let uart = Uart::new(115_200);
        uart.strike(Side::Host, Rates::one_in(20), 7);
        uart.host_end().write_all(&[b'x'; 1_000]).await.unwrap();
        advance(Duration::from_secs(1)).await;
        let bytes = uart.heard(Side::Host).into_iter().map(|(_, byte)| byte);
        heard.push(bytes.collect::<Vec<_>>());
    }
    assert_eq!(heard[0], heard[1]);
    assert_ne!(heard[0], vec![b'x'; 1_000]);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_gone_fails_at_once() {
    let uart = Uart::new(115_200);
    let mut agent = uart.agent_end();
    let vanished = uart.clone();
    let mut byte = [0];
    let (read, ()) = tokio::join!(agent.read(&mut byte), async move { vanished.vanish() });
    assert!(read.is_err());
    assert!(agent.write(b"x").await.is_err());
}

/// What the agent hears of one write of the host's, each byte with its time in milliseconds.
async fn heard_through(mishaps: Mishaps, bytes: &[u8]) -> Vec<(u128, u8)> {
    let uart = Uart::new(3_000_000);
    let start = Instant::now();
    let mut end = LossyUart::new(uart.clone(), mishaps, 7)
        .dial()
        .await
        .expect("a line");
    end.write_all(bytes).await.expect("room");
    // What is late leaves while somebody reads.
    let reading = timeout(Duration::from_secs(20), end.read_u8());
    assert!(reading.await.is_err(), "nobody has sent anything");
    let heard = uart.heard(Side::Host).into_iter();
    heard
        .map(|(at, byte)| ((at - start).as_millis(), byte))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_lossy_link_loses_repeats_delays_and_stalls_whole_writes() {
    const ALWAYS: u32 = 1_000_000;
    let none = Mishaps::default();
    let text = |heard: &[(u128, u8)]| {
        let bytes: Vec<_> = heard.iter().map(|(_, byte)| *byte).collect();
        String::from_utf8(bytes).unwrap()
    };
    let heard = heard_through(none, b"frame").await;
    assert_eq!((text(&heard).as_str(), heard[4].0), ("frame", 0));

    let lost = Mishaps {
        lost: ALWAYS,
        ..none
    };
    assert!(heard_through(lost, b"frame").await.is_empty());

    let again = Mishaps {
        again: ALWAYS,
        ..none
    };
    let heard = heard_through(again, b"frame").await;
    assert_eq!(text(&heard), "frameframe");
    assert!(heard[4].0 == 0 && heard[5].0 > 0, "{heard:?}");

    let late = Mishaps {
        late: ALWAYS,
        ..none
    };
    let heard = heard_through(late, b"frame").await;
    assert_eq!(text(&heard), "frame");
    assert!(heard[0].0 > 0, "{heard:?}");

    let stalled = Mishaps {
        stalled: ALWAYS,
        ..none
    };
    let heard = heard_through(stalled, b"frame").await;
    assert_eq!(text(&heard), "frame");
    assert!(heard[4].0 > 0, "{heard:?}");
}
