//! The sessions of machine clients: kept by client, not by connection, so that whoever
//! reconnects and repeats itself is understood.

use lastword_protocol::frame::wire_bytes;
use lastword_protocol::session::Session;
use lastword_protocol::{BootId, ClientId, Millis};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest frame body that the agent takes or sends, in bytes.
pub const MTU_BYTES: u16 = 512;
/// How many requests of a session may be under way, and how many replies are kept.
pub const WINDOW: usize = 8;
/// How many bytes such a frame takes on the wire at most.
pub const FRAME_BYTES: usize = wire_bytes(MTU_BYTES as usize);
/// How many clients are remembered; the one unheard for longest is forgotten first.
pub const CLIENTS: usize = 64;

/// One client's session.
pub type ClientSession = Session<FRAME_BYTES, WINDOW>;

/// A session that outlives the connection it is used on.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<ClientSession>>);

impl Shared {
    /// The session itself. Nothing waits while it is held.
    pub fn lock(&self) -> MutexGuard<'_, ClientSession> {
        // What a panicking holder left behind is still whole: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells this life of the agent from earlier ones in the same boot: how long the board was up
/// when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(pub Millis);

impl Life {
    /// A number that neither this life nor another one gives out twice, as far as 32 bits go.
    #[must_use]
    pub fn birth(self, count: u32) -> u32 {
        // Knuth's multiplicative hash keeps lives that began in neighbouring milliseconds apart.
        let life = self.0.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        u32::try_from(life).unwrap_or(0).wrapping_add(count)
    }
}

/// Every client that is remembered.
#[derive(Clone, Debug)]
pub struct Clients {
    boot: BootId,
    life: Life,
    remembered: Arc<Mutex<Remembered>>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// The most recently heard last.
    known: Vec<Shared>,
    /// How many sessions were ever opened.
    births: u32,
}

impl Clients {
    /// Nobody yet.
    #[must_use]
    pub fn new(boot: BootId, life: Life) -> Self {
        Self {
            boot,
            life,
            remembered: Arc::default(),
        }
    }

    /// The session of `client`, and whether it was there before.
    #[must_use]
    pub fn open(&self, client: ClientId) -> (Shared, bool) {
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Remembered { known, births } = &mut *remembered;
        let found = known
            .iter()
            .position(|shared| shared.lock().client() == client);
        if let Some(index) = found {
            let shared = known.remove(index);
            known.push(shared.clone());
            return (shared, true);
        }
        if known.len() == CLIENTS {
            known.remove(0);
        }
        *births = births.wrapping_add(1);
        let session = ClientSession::reborn(self.boot, client, self.life.birth(*births));
        let shared = Shared(Arc::new(Mutex::new(session)));
        known.push(shared.clone());
        (shared, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_unheard_for_longest_is_forgotten_first() {
        let clients = Clients::new(BootId([1; 16]), Life(Millis(0)));
        for id in 0..CLIENTS as u64 {
            assert!(!clients.open(ClientId(id)).1);
        }
        assert!(clients.open(ClientId(0)).1);
        assert!(!clients.open(ClientId(1_000)).1);
        assert!(!clients.open(ClientId(1)).1, "1 was unheard for longest");
        assert!(clients.open(ClientId(0)).1, "0 was heard again");
    }

    #[test]
    fn a_session_that_was_forgotten_is_told_from_its_successor() {
        let clients = |life| Clients::new(BootId([1; 16]), Life(Millis(life)));
        let nonce = |clients: &Clients| clients.open(ClientId(7)).0.lock().nonce();
        let first = clients(1_000);
        let before = nonce(&first);
        assert_eq!(nonce(&first), before);
        for id in 100..100 + CLIENTS as u64 {
            assert!(!first.open(ClientId(id)).1);
        }
        assert_ne!(nonce(&first), before, "forgotten and opened anew");
        assert_ne!(nonce(&clients(1_001)), before, "another life of the agent");
    }
}
