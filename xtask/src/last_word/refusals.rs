//! A board that cannot reboot says so in the two strings older clients know, whichever form they
//! use. A second agent on the board, without the capability and without the programs, says them.

use anyhow::{Context, Result, ensure};
use lastword_virtual::{GuestFile, LinuxBoard};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The second agent's port.
const PORT: u16 = 7451;
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);

const INVALID_COMMAND: &str = "err 501 not_here detail=\"invalid command\"";
const FAIL: &str = "err 500 internal detail=\"fail\"";

const CASES: [(&str, &str); 8] = [
    ("reboot", INVALID_COMMAND),
    ("power reboot", INVALID_COMMAND),
    ("shutdown", INVALID_COMMAND),
    ("power shutdown", INVALID_COMMAND),
    ("reboot --graceful", FAIL),
    ("power reboot --graceful", FAIL),
    ("shutdown --graceful", FAIL),
    ("power shutdown --graceful", FAIL),
];

/// What the second agent needs on the board.
pub(super) fn guest_files() -> Vec<GuestFile> {
    const INITTAB: &str = concat!(
        include_str!("../../../boards/linux/inittab"),
        include_str!("../../../boards/linux/unprivileged.inittab"),
    );
    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n";
    let config = include_str!("../../../boards/linux/unprivileged.kdl");
    vec![
        GuestFile::text("/etc/inittab", INITTAB),
        GuestFile::text("/etc/passwd", USERS),
        GuestFile::text("/etc/lastword/unprivileged.kdl", config),
    ]
}

/// Asks in every form and compares the answers, each of which has its cause behind the fixed string.
pub(super) async fn both_strings(board: &LinuxBoard) -> Result<()> {
    let answers = board
        .in_network(answers)
        .await
        .context("the second agent")?;
    for ((line, expected), answer) in CASES.iter().zip(&answers) {
        let rest = answer.strip_prefix(expected);
        ensure!(
            rest.is_some_and(|rest| rest.starts_with(" cause=\"")),
            "{line}: answered {answer:?}, not {expected:?} and a cause"
        );
        println!("refused: {line}: {answer}");
    }
    ensure!(
        answers.len() == CASES.len(),
        "{} answers to {} lines",
        answers.len(),
        CASES.len()
    );
    Ok(())
}

fn answers(first_agent: SocketAddr) -> std::io::Result<Vec<String>> {
    let mut stream = TcpStream::connect(SocketAddr::new(first_agent.ip(), PORT))?;
    stream.set_read_timeout(Some(LIMIT))?;
    for (line, _) in CASES {
        writeln!(stream, "{line}")?;
    }
    stream.shutdown(std::net::Shutdown::Write)?;
    BufReader::new(stream).lines().collect()
}
