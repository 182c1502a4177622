//! What is said to a firmware to make its stack as deep as it gets: every command, every kind of
//! error, every key, every request.

use crate::line::Line;
use anyhow::{Context, Result, ensure};
use lastword_client::client::{Client, Options};
use lastword_protocol::message::{Application, Reply, Request};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{BootId, Millis, OperationId, Text};
use lastword_virtual::McuBoard;

mod text;

pub(crate) use text::{EMBEDDED_CLI, MENU, NOLINE};
use text::{KEYS, LINES};

/// How a firmware is led.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Session {
    /// Line by line.
    Lines(&'static [Exchange]),
    /// Ours: lines if it has a shell, noise, every request as a frame, a reset.
    Lastword { shell: Shell },
}

/// Whom ours serves with lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    /// Nobody.
    None,
    /// Scripts.
    Plain,
    /// People, too.
    Term,
}

/// What is said, and the end of what is heard before the next is said.
pub(crate) type Exchange = (&'static str, &'static str);

/// Leads a session of lines.
pub(crate) async fn lines(line: &mut Line, exchanges: &[Exchange]) -> Result<()> {
    for (say, end) in exchanges {
        exchange(line, say, end).await?;
    }
    Ok(())
}

/// Leads our shell through the dialects that it has. Behind each line stands one whose answer is known, so that
/// the answer to the first need not be.
pub(crate) async fn shell(line: &mut Line, shell: Shell) -> Result<()> {
    if shell == Shell::None {
        return Ok(());
    }
    for text in LINES {
        let say = format!("{text}\n@end mode plain\n");
        exchange(line, &say, "ok @end mode=plain\n").await?;
    }
    if shell == Shell::Plain {
        // Another operation is the last one now: the id above is free again for the frames.
        let say = "power reboot --in 1h --op 5\npower cancel 5\n@end logout\n";
        return exchange(line, say, "ok @end\n").await;
    }
    exchange(line, "mode term\n", "ok mode=term\nboard1> ").await?;
    for keys in KEYS {
        let say = format!("{keys}\u{3}zzz\r");
        exchange(line, &say, "unknown: zzz.\r\nboard1> ").await?;
    }
    exchange(line, "logout\r", "ok\r\n").await
}

async fn exchange(line: &mut Line, say: &str, end: &str) -> Result<()> {
    line.say(say).await?;
    let heard = line.until(end).await;
    heard.with_context(|| format!("behind \"{}\"", say.escape_debug()))?;
    Ok(())
}

/// Bytes that mean nothing, zeros among them: the same every time.
pub(crate) fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        // Numerical Recipes' constants; the upper bits are the better ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [.., byte] = state.to_le_bytes();
        // Every sixteenth a delimiter: frames of some length, which are none.
        if byte < 16 { 0 } else { byte }
    };
    (0..NOISE_BYTES).map(|_| next()).collect()
}

const NOISE_BYTES: usize = 8_192;

/// Asks everything, and in the end for a reset.
pub(crate) async fn frames(board: &McuBoard) -> Result<()> {
    let mut client = greeted(board).await?;
    for (request, expected) in requests()? {
        let reply = client.call(&request).await?;
        ensure!(expected(&reply), "{request:?} was answered {reply:?}");
    }
    client.hang_up();
    Ok(())
}

/// Asks a board that has just booted how it is.
pub(crate) async fn look(board: &McuBoard) -> Result<()> {
    let mut client = greeted(board).await?;
    for request in [Request::Identity, Request::Status, Request::PowerStatus] {
        client.call(&request).await?;
    }
    client.hang_up();
    Ok(())
}

async fn greeted(board: &McuBoard) -> Result<Client> {
    let mut client = Client::connect(&board.serial_line(), &Options::default()).await?;
    client.greet(true).await?;
    Ok(client)
}

type Expected = fn(&Reply) -> bool;

/// Every request with every option, and what kind of answer it gets.
fn requests() -> Result<Vec<(Request, Expected)>> {
    let mut later = PowerRequest {
        delay: Millis(3_600_000),
        force: true,
        id: Some(OperationId(77)),
        reason: Text::try_from("as long as a reason for the record may be, and not any longer..")?,
        ..PowerRequest::plain(Operation::GracefulReboot)
    };
    let now = Request::Power(PowerRequest {
        delay: Millis(0),
        id: Some(OperationId(78)),
        ..later.clone()
    });
    let of_another_boot = PowerRequest {
        boot: Some(BootId([7; 16])),
        ..later.clone()
    };
    let refused: Expected = |reply| matches!(reply, Reply::Refused(_));
    let first = Request::Power(later.clone());
    later.id = Some(OperationId(79));
    let unknown = Application::new(0xFF, &[0_u8; 32])?;
    Ok(vec![
        (Request::Identity, |reply| {
            matches!(reply, Reply::Identity(_))
        }),
        (Request::Status, |reply| matches!(reply, Reply::Status(_))),
        (Request::Uptime, |reply| matches!(reply, Reply::Uptime(_))),
        (Request::Application(unknown), |reply| {
            matches!(reply, Reply::Unsupported(_))
        }),
        (Request::PowerCancel(None), refused),
        (Request::Shutdown, refused),
        (Request::Power(of_another_boot), |reply| {
            matches!(reply, Reply::AlreadyDone(_))
        }),
        (first.clone(), |reply| matches!(reply, Reply::Initiated(_))),
        (first, |reply| matches!(reply, Reply::Initiated(_))),
        (Request::Power(later), refused),
        (Request::Reboot, refused),
        (Request::PowerStatus, |reply| {
            matches!(reply, Reply::PowerStatus(_))
        }),
        (Request::PowerCancel(Some(OperationId(1))), refused),
        (Request::PowerCancel(Some(OperationId(77))), |reply| {
            matches!(reply, Reply::Cancelled(_))
        }),
        (now, |reply| matches!(reply, Reply::Initiated(_))),
    ])
}
