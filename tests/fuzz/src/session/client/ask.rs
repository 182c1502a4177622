//! What a client may ask.

use crate::input::Bytes;
use lastword_protocol::message::service::{Logs, ServiceName, ServiceRequest};
use lastword_protocol::message::{Request, opcode};
use lastword_protocol::power::{Operation, PowerRequest};
use lastword_protocol::{BootId, Millis, OperationId};

/// A request, before it is known which boot is meant.
#[derive(Debug)]
pub(in crate::session) enum Asked<'a> {
    /// One without fields, or one that is malformed: an opcode and a body.
    Raw(u8, &'a [u8]),
    /// For power.
    Power(Wish),
    /// To call it off.
    Cancel(Option<OperationId>),
    /// About services.
    Service(ServiceRequest),
}

/// What is wished for.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct Wish {
    flags: u8,
    delay: Millis,
    id: Option<OperationId>,
}

const DELAYS: [u64; 4] = [0, 0, 1_000, 30_000];
const IDS: [Option<u64>; 8] = [
    None,
    Some(1),
    Some(2),
    None,
    Some(OperationId::CLIENT_MAX),
    Some(OperationId::CLIENT_MAX + 1),
    Some(0),
    None,
];
const BARE: [u8; 7] = [
    opcode::REBOOT,
    opcode::SHUTDOWN,
    opcode::UPTIME,
    opcode::STATUS,
    opcode::IDENTITY,
    opcode::POWER_STATUS,
    opcode::UNSUPPORTED,
];

impl<'a> Asked<'a> {
    pub(in crate::session) fn read(input: &mut Bytes<'a>) -> Self {
        let kind = input.byte();
        let id = || IDS[usize::from(kind >> 4 & 7)].map(OperationId);
        match kind % 8 {
            0..=3 => Self::Power(Wish {
                flags: input.byte(),
                delay: Millis(DELAYS[usize::from(kind % 4)]),
                id: id(),
            }),
            4 => Self::Cancel(id()),
            6 => Self::Service(service(kind >> 3, input.byte())),
            5 => Self::Raw(BARE[usize::from(kind >> 3) % BARE.len()], &[]),
            _ => Self::Raw(input.byte(), input.some(40)),
        }
    }

    /// Writes the body, and returns opcode and length.
    pub(in crate::session) fn write(&self, boot: BootId, out: &mut [u8; 128]) -> (u8, usize) {
        let request = match self {
            Self::Raw(opcode, body) => {
                out[..body.len()].copy_from_slice(body);
                return (*opcode, body.len());
            }
            Self::Power(wish) => Request::Power(wish.request(boot)),
            Self::Cancel(id) => Request::PowerCancel(*id),
            Self::Service(request) => Request::Service(request.clone()),
        };
        let length = request.encode(out).expect("room");
        (request.opcode(), length)
    }
}

/// A request about one of the services, one that is not there, or all.
fn service(verb: u8, which: u8) -> ServiceRequest {
    let name = |text| ServiceName::try_from(text).unwrap_or_default();
    let one = name(["a", "b", "c", "x"][usize::from(which & 3)]);
    let target = (which & 4 == 0).then(|| one.clone());
    let grace = Millis(u64::from(which >> 4) * 500);
    match verb % 10 {
        0 => ServiceRequest::List,
        1 => ServiceRequest::Status(one),
        2 => ServiceRequest::Start(target),
        3 => ServiceRequest::Stop(target),
        4 => ServiceRequest::Restart(target),
        5 => ServiceRequest::Reload,
        6 => ServiceRequest::StopWithin(target, grace),
        7 => ServiceRequest::RestartWithin(target, grace),
        _ => ServiceRequest::Logs(Logs {
            name: one,
            from: (which & 8 == 0).then_some(u64::from(which >> 4)),
            lines: u16::from(which >> 3),
            follow: false,
        }),
    }
}

impl Wish {
    fn request(self, boot: BootId) -> PowerRequest {
        let has = |bit: u8| self.flags >> bit & 1 == 1;
        let boot = match self.flags >> 4 {
            0 => Some(boot),
            1 => Some(BootId([0xEE; 16])),
            _ => None,
        };
        PowerRequest {
            delay: self.delay,
            force: has(2),
            await_close: has(3),
            id: self.id,
            boot,
            ..PowerRequest::plain(Operation::ALL[usize::from(self.flags & 3)])
        }
    }
}
