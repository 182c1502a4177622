//! The numbers of requests and replies; never reused. `0x80..=0xFF` belong to applications.

/// Request and reply: who the board is.
pub const IDENTITY: u8 = 0x01;
/// Request and reply: how it is.
pub const STATUS: u8 = 0x02;
/// Request and reply: how long it is up.
pub const UPTIME: u8 = 0x03;
/// Request: reboot or power off.
pub const POWER: u8 = 0x10;
/// Request and reply: what is staged, what was last.
pub const POWER_STATUS: u8 = 0x11;
/// Request and reply: call it off.
pub const POWER_CANCEL: u8 = 0x12;
/// Request: the flat reboot.
pub const REBOOT: u8 = 0x13;
/// Request: the flat power-off.
pub const SHUTDOWN: u8 = 0x14;
/// Request: every service.
pub const SVC_LIST: u8 = 0x20;
/// Request: one service.
pub const SVC_STATUS: u8 = 0x21;
/// Request: start it.
pub const SVC_START: u8 = 0x22;
/// Request: stop it.
pub const SVC_STOP: u8 = 0x23;
/// Request: stop it, then start it.
pub const SVC_RESTART: u8 = 0x24;
/// Request: read the service files anew.
pub const SVC_RELOAD: u8 = 0x25;
/// Request: lines of a log.
pub const SVC_LOGS: u8 = 0x26;
/// Request: stop it, with another grace than its file's.
pub const SVC_STOP_WITHIN: u8 = 0x28;
/// Request: stop it with another grace than its file's, then start it.
pub const SVC_RESTART_WITHIN: u8 = 0x29;
/// Request: store an object.
pub const PUT: u8 = 0x30;
/// Request: send an object.
pub const GET: u8 = 0x31;
/// Request: check the hash of what was put, and keep it.
pub const TRANSFER_COMMIT: u8 = 0x32;
/// Request: end a transfer.
pub const TRANSFER_CANCEL: u8 = 0x33;
/// Request: events, those that are kept and those that come.
pub const EVENTS: u8 = 0x40;
/// Request: the generations that are on the board.
pub const GEN_LIST: u8 = 0x50;
/// Request: one of them.
pub const GEN_SHOW: u8 = 0x51;
/// Request: the one that the board runs.
pub const GEN_CURRENT: u8 = 0x52;
/// Request: take a generation in.
pub const GEN_OFFER: u8 = 0x53;
/// Request: expand a content from an object.
pub const GEN_EXPAND: u8 = 0x54;
/// Request: activate a generation.
pub const GEN_ACTIVATE: u8 = 0x55;
/// Request: end the soak.
pub const GEN_CONFIRM: u8 = 0x56;
/// Request: put the generation before back.
pub const GEN_ROLLBACK: u8 = 0x57;
/// Request: the last rollout.
pub const GEN_STATUS: u8 = 0x58;
/// Request: let a generation in again.
pub const GEN_UNQUARANTINE: u8 = 0x59;
/// Request: remove generations.
pub const GEN_PRUNE: u8 = 0x5A;
/// Reply: a transfer is open.
pub const TRANSFER_OPENED: u8 = 0x30;
/// Reply: a page of items.
pub const ITEMS: u8 = 0x20;
/// Reply: done, with an empty body.
pub const DONE: u8 = 0x00;
/// Reply: accepted.
pub const INITIATED: u8 = 0x10;
/// Reply: that boot is over.
pub const ALREADY_DONE: u8 = 0x13;
/// Reply: the request still runs.
pub const WORKING: u8 = 0x7D;
/// Reply: this opcode is not known; the body is the opcode.
pub const UNSUPPORTED: u8 = 0x7E;
/// Reply: no; the body is a refusal.
pub const REFUSED: u8 = 0x7F;
