//! What is fixed about a board: its name and the bounds it keeps.

use lastword_protocol::Millis;
use lastword_protocol::identity::BoardKind;
use lastword_protocol::power::Backend;

/// What is fixed about a board. A constant of the firmware.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What kind of board it is.
    pub kind: BoardKind,
    /// Its name, at most [`NAME_BYTES`](lastword_protocol::identity::NAME_BYTES) long, as are the
    /// next two; what is longer is cut.
    pub name: &'static str,
    /// The version of the firmware.
    pub firmware: &'static str,
    /// The build of it; may be empty.
    pub build: &'static str,
    /// What carries power operations out: [`Backend::Mcu`] resets; [`Backend::DryRun`] does all
    /// but that; [`Backend::None`] refuses.
    pub backend: Backend,
    /// The speed of the line, in bits per second.
    pub baud: u32,
    /// How many bytes the UART's driver takes ahead of the line: what may have to leave before an
    /// acknowledgement.
    pub transmit_bytes: u16,
    /// The longest that writing an acknowledgement, and then draining it, may take.
    pub drain_cap: Millis,
}

impl About {
    /// How long `bytes` and what the driver may hold take on the wire, at ten bits a byte.
    pub(crate) fn wire_time(&self, bytes: usize) -> Millis {
        let queued = u32::try_from(bytes)
            .unwrap_or(u32::MAX)
            .saturating_add(self.transmit_bytes.into());
        let bits = queued.saturating_mul(10_000);
        Millis(bits.checked_div(self.baud).unwrap_or(bits).into())
    }
}
