//! The controls: boards that know one conversation by heart, and reset without looking.

use super::SHIPPED_CAP;
use super::host::Host;
use super::trial::{Contender, options, simulate};
use crate::board::Board;
use crate::reset::ResetLine;
use crate::uart::{Side, Uart, UartLink};
use lastword_agent::edge::backend::PowerBackend;
use lastword_protocol::power::{Evidence, Operation};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

/// A conversation of the host with the real agent, byte for byte.
pub(super) struct Script {
    /// What the host sends, and what it gets for it: a session, then an acknowledgement.
    turns: [(Vec<u8>, Vec<u8>); 2],
}

impl Script {
    /// Has the real agent say it.
    pub(super) fn record() -> Self {
        simulate(async {
            let uart = Uart::new(115_200);
            let reset = Board::on_uart(&uart, options(SHIPPED_CAP)).reset;
            let mut host = Host::new(&uart);
            let hello = host.greet().await;
            let welcome = heard(&uart);
            let request = host.ask().await;
            reset.fired(1).await;
            let acknowledgement = heard(&uart).split_off(welcome.len());
            Self {
                turns: [(hello, welcome), (request, acknowledgement)],
            }
        })
    }
}

fn heard(uart: &Uart) -> Vec<u8> {
    let heard = uart.heard(Side::Agent);
    heard.into_iter().map(|(_, byte)| byte).collect()
}

/// Puts a board on the line that resets right behind its acknowledgement, or so long after it.
pub(super) fn start(uart: &Uart, script: &Script, delay: Option<Duration>) -> Contender {
    let hardware = uart.clone();
    let reset = ResetLine::new(move || hardware.reset_agent(), None);
    let board = talk(uart.agent_end(), script.turns.clone(), delay, reset.clone());
    tokio::spawn(board);
    Contender { reset, board: None }
}

async fn talk(
    mut link: UartLink,
    turns: [(Vec<u8>, Vec<u8>); 2],
    delay: Option<Duration>,
    reset: ResetLine,
) {
    for (asked, answer) in turns {
        let mut read = marked(&asked);
        link.read_exact(&mut read).await.expect("a line");
        assert_eq!(read, marked(&asked), "the host says the same every time");
        // Generous: it waits for room where a full queue has none.
        link.write_all(&answer).await.expect("a line");
    }
    if let Some(delay) = delay {
        sleep(delay).await;
    }
    let trigger = reset.prepare(Operation::Reboot, false).expect("a reset");
    trigger.fire(Evidence::Forced);
}

/// As a tty that marks breaks passes it on (termios(3), `PARMRK`).
fn marked(bytes: &[u8]) -> Vec<u8> {
    let pair = |byte: &u8| std::iter::repeat_n(*byte, 1 + usize::from(*byte == 0xFF));
    bytes.iter().flat_map(pair).collect()
}
