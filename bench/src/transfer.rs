//! Transfers over a simulated UART, in simulated time: the same figures on every machine.

mod line_end;
mod uart_line;

use crate::figure::{Bar, Figure, Unit, number};
use crate::setting::Setting;
use anyhow::{Context, Result, ensure};
use lastword_protocol::message::TransferOpened;
use lastword_protocol::transfer::{PieceOrder, WINDOW_PIECES, piece_bytes};
use lastword_protocol::{Instant, TransferId};
use line_end::{LineEnd, TRANSFER};
use std::num::NonZeroU16;
use uart_line::{BIT_RATE, BYTE_BITS, ERRORS_PER_MILLION, SimulatedNanos};

/// The `mtu` of the agent and that of the microcontroller's responder, in bytes.
const AGENT_MTU: u16 = 512;
const MCU_MTU: u16 = 192;
/// The length of the object, in bytes.
const OBJECT_BYTES: u64 = 16 << 20;
const QUICK_OBJECT_BYTES: u64 = 4 << 20;
/// A transfer that takes longer than this many times its bytes' time on the line hangs.
const TIMES_MOST: u64 = 20;

/// One way to transfer.
#[derive(Clone, Copy)]
struct TransferSetup {
    mtu: u16,
    order: PieceOrder,
    room: u16,
    /// Another object travels the other way at the same time.
    is_both_ways: bool,
}

/// The result of a run.
#[derive(Clone, Copy, Debug)]
struct TransferRun {
    goodput_percent: f64,
    sent_again_percent: f64,
}

/// Measures transfers with the frames of the agent and of a microcontroller.
///
/// # Errors
///
/// If an object does not arrive, or not as it was.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let object_bytes = if setting.quick {
        QUICK_OBJECT_BYTES
    } else {
        OBJECT_BYTES
    };
    let mut figures = Vec::new();
    for (mtu, bar) in [(AGENT_MTU, 90.0), (MCU_MTU, 85.0)] {
        measure_mtu(mtu, bar, object_bytes, &mut figures)
            .with_context(|| format!("transfers with an mtu of {mtu}"))?;
    }
    Ok(figures)
}

/// Returns the share of the line that a transfer of so many bytes has with the frames of the agent.
///
/// # Errors
///
/// If it does not arrive.
pub(crate) fn goodput_percent(object_bytes: u64) -> Result<f64> {
    let setup = TransferSetup {
        mtu: AGENT_MTU,
        order: PieceOrder::Any,
        room: WINDOW_PIECES,
        is_both_ways: false,
    };
    Ok(run(setup, object_bytes)?.goodput_percent)
}

fn measure_mtu(mtu: u16, bar: f64, object_bytes: u64, figures: &mut Vec<Figure>) -> Result<()> {
    let whole = TransferSetup {
        mtu,
        order: PieceOrder::Any,
        room: WINDOW_PIECES,
        is_both_ways: false,
    };
    let mut add = |name: &str, value, measured, bar| {
        let name = format!("mtu {mtu}: {name}");
        let mut figure = Figure::new(name, value, Unit::Percent, measured);
        figure.bar = bar;
        figures.push(figure);
    };
    let ceiling = ceiling_percent(mtu, object_bytes)?;
    let computed = "computed: bytes of the pieces in those of their frames, each sent as often as errors ask for on average";
    add("ceiling", ceiling, computed, None);
    let run = run(whole, object_bytes)?;
    let goodput = "bytes of the object in those that the line carries meanwhile";
    add(
        "a window of 17",
        run.goodput_percent,
        goodput,
        Some(Bar::AtLeast(bar)),
    );
    let again = "pieces sent again, of those sent once";
    add(
        "a window of 17, sent again",
        run.sent_again_percent,
        again,
        None,
    );
    let both = TransferSetup {
        is_both_ways: true,
        ..whole
    };
    let meanwhile = "put and get at once, the slower; credits share the line with pieces";
    add(
        "both ways",
        self::run(both, object_bytes)?.goodput_percent,
        meanwhile,
        None,
    );
    measure_windows(whole, object_bytes, add)
}

/// Measures windows of other sizes, and those of a receiver that takes pieces in order only.
fn measure_windows(
    whole: TransferSetup,
    object_bytes: u64,
    mut add: impl FnMut(&str, f64, &'static str, Option<Bar>),
) -> Result<()> {
    let in_order = PieceOrder::InOrder;
    for (name, order, room, measured) in [
        (
            "a window of 8",
            PieceOrder::Any,
            8,
            "the receiver grants 8 pieces",
        ),
        (
            "in order",
            in_order,
            8,
            "go-back-N: 8 pieces, none behind a lost one is taken",
        ),
        (
            "stop and wait",
            in_order,
            1,
            "the receiver grants one piece",
        ),
    ] {
        let setup = TransferSetup {
            order,
            room,
            ..whole
        };
        add(
            name,
            run(setup, object_bytes)?.goodput_percent,
            measured,
            None,
        );
    }
    Ok(())
}

/// Transfers an object, and another the other way if that is asked for.
fn run(setup: TransferSetup, object_bytes: u64) -> Result<TransferRun> {
    let opened = opened(setup.mtu, object_bytes)?;
    let taking = (setup.order, setup.room);
    let mut ends = [LineEnd::host(), LineEnd::device()];
    ends[0].sends(&opened);
    ends[1].receives(&opened, taking);
    if setup.is_both_ways {
        ends[1].sends(&opened);
        ends[0].receives(&opened, taking);
    }
    let now = exchange(&mut ends, object_bytes)?;
    for end in &ends {
        ensure!(end.is_whole(), "the object is not what was sent");
    }
    let object_bits = number(object_bytes * BYTE_BITS);
    let line_bits = number(now.0) * 1e-9 * number(BIT_RATE);
    let pieces = object_bytes.div_ceil(opened.piece().get().into());
    Ok(TransferRun {
        goodput_percent: 100.0 * object_bits / line_bits,
        sent_again_percent: 100.0 * number(ends[0].sent_again()) / number(pieces),
    })
}

/// Lets both ends work until each knows that what it sends is there; returns the time that this took.
fn exchange([one, other]: &mut [LineEnd; 2], object_bytes: u64) -> Result<SimulatedNanos> {
    let mut now = SimulatedNanos(0);
    let most = SimulatedNanos::of_bytes(object_bytes * TIMES_MOST);
    loop {
        one.take(now, &mut other.line);
        other.take(now, &mut one.line);
        if one.is_done() && other.is_done() {
            return Ok(now);
        }
        one.work(now)?;
        other.work(now)?;
        let next = one.next_event(now).into_iter().chain(other.next_event(now));
        now = next.min().context("nothing will happen any more")?;
        ensure!(now < most, "the transfer hangs");
    }
}

/// Returns the goodput of a line that sends each piece until it has arrived, and nothing else, on
/// average: a frame of `n` bytes is sent `1 / (1 - e)^n` times if each byte is damaged with
/// probability `e`.
fn ceiling_percent(mtu: u16, object_bytes: u64) -> Result<f64> {
    let opened = opened(mtu, object_bytes)?;
    let survival = 1.0 - number(ERRORS_PER_MILLION) * 1e-6;
    let mut line_bytes = 0.0;
    for frame in LineEnd::host().frames(&opened)? {
        line_bytes += f64::from(frame) / survival.powi(frame);
    }
    Ok(100.0 * number(object_bytes) / line_bytes)
}

fn opened(mtu: u16, object_bytes: u64) -> Result<TransferOpened> {
    let transfer: TransferId = TRANSFER;
    let piece = NonZeroU16::new(piece_bytes(mtu, transfer, object_bytes));
    let piece = piece.context("no piece fits")?;
    TransferOpened::new(transfer, 0, object_bytes, piece).context("it begins behind its end")
}

/// The protocol's clock.
fn instant(now: SimulatedNanos) -> Instant {
    Instant(now.0 / 1_000_000)
}
