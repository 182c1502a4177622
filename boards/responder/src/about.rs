//! What is fixed about a board: its name and the bounds it keeps.

use lastword_protocol::Millis;
use lastword_protocol::frame::wire_bytes;
use lastword_protocol::identity::{BoardKind, NAME_BYTES};
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
    /// The longest frame that this board sends, an application's replies apart, in bytes on the
    /// wire: a hello that tells of an operation. A board whose `FRAME` is shorter leaves hellos
    /// unanswered, so firmware should have this checked:
    ///
    /// ```
    /// # use lastword_protocol::{Millis, identity::BoardKind, power::Backend};
    /// # use lastword_responder::About;
    /// # const ABOUT: About = About {
    /// #     kind: BoardKind::Mcu, name: "lamp", firmware: "0.1.0", build: "",
    /// #     backend: Backend::Mcu, baud: 115_200, transmit_bytes: 1, drain_cap: Millis(2_000),
    /// # };
    /// const FRAME: usize = 160;
    /// const _: () = assert!(ABOUT.frame_bytes() <= FRAME);
    /// ```
    #[must_use]
    pub const fn frame_bytes(&self) -> usize {
        let names = [self.name.len(), self.firmware.len(), self.build.len()];
        let [name, firmware, build] = names;
        wire_bytes(HELLO_BYTES + shown(name) + shown(firmware) + shown(build))
    }

    /// How long `bytes` and what the driver may hold take on the wire, at ten bits a byte.
    pub(crate) fn wire_time(&self, bytes: usize) -> Millis {
        let queued = u32::try_from(bytes)
            .unwrap_or(u32::MAX)
            .saturating_add(self.transmit_bytes.into());
        let bits = queued.saturating_mul(10_000);
        Millis(bits.checked_div(self.baud).unwrap_or(bits).into())
    }
}

/// The body of a welcome with empty names, every number in it as long as it gets
/// (`protocol/WIRE.md`, "Bodies"): client 10, nonce 5, resumed 1; versions 2, boot 16, source,
/// cause and kind 3, lengths of the names 3, backend 1, mtu 3, window 1, capabilities 1, schema 5;
/// the last operation 1 + 7 + 1 + 4 + 16; no generations 2.
const HELLO_BYTES: usize = 16 + 35 + 29 + 2;

/// How much of a name of so many bytes is told.
const fn shown(bytes: usize) -> usize {
    if bytes < NAME_BYTES {
        bytes
    } else {
        NAME_BYTES
    }
}
