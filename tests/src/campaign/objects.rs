//! Objects and streams over a line that loses, doubles, delays and resets, while other clients ask for power on
//! another line of the same board: the real client, and the agent's real tasks.

use super::tally::Tally;
use super::whole::Whole;
use super::world::Trouble;
use crate::board::Board;
use crate::dice::Dice;
use crate::lossy::{LossyUart, Struck};
use lastword_agent::core::storage::Storage as _;
use lastword_client::client::{
    CallError, Client, LocalObject, ObjectId, Options as ClientOptions, TransferError,
    TransferOptions, TransferProgress, Unwelcome,
};
use lastword_protocol::message::event::{EventTopics, EventsRequest};
use lastword_protocol::message::service::Item;
use lastword_protocol::message::{Reply, Request};
use lastword_protocol::refusal::Code;
use lastword_protocol::{ClientId, ObjectHash};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::time::sleep;

/// The most bytes of an object.
const OBJECT_BYTES: u64 = 16 << 10;
/// The attempts for one object, before its failure counts.
const ATTEMPTS: u32 = 30;
/// One round of power requests in so many is struck by trouble.
const TROUBLE_ONE_IN: u64 = 12;
/// The pause between two rounds of power requests, at most.
const ROUND_PAUSE_MILLIS: u64 = 400;

/// The outcome of a campaign with objects and streams.
#[derive(Debug, Default)]
pub struct ObjectTally {
    /// The objects that were put, and are on the board as they were sent.
    pub put: u64,
    /// The objects that were fetched as they were put.
    pub fetched: u64,
    /// The objects of which neither is known, by the reason that the client was told.
    pub failed: BTreeMap<String, u64>,
    /// The objects of which something is wrong: lost behind a yes, or with another content.
    pub wrong: u64,
    /// The attempts that were broken off, by reason.
    pub broken_off: BTreeMap<String, u64>,
    /// The bytes that earlier attempts had left.
    pub resumed_bytes: u64,
    /// The lists of events that were read to their end.
    pub lists: u64,
    /// The events in them.
    pub events: u64,
    /// The mishaps on the line.
    pub struck: Struck,
    /// Faults, for people.
    pub complaints: Vec<String>,
}

impl ObjectTally {
    /// Returns whether every object arrived, or failed with a name.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.wrong == 0 && self.put > 0
    }

    fn complain(&mut self, complaint: String) {
        self.wrong += 1;
        self.complaints.push(complaint);
    }
}

impl fmt::Display for ObjectTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            put,
            fetched,
            failed,
            wrong,
            broken_off,
            resumed_bytes,
            lists,
            events,
            ..
        } = self;
        write!(
            f,
            "{put} objects put, {fetched} fetched, {wrong} wrong, failed {failed:?}; attempts broken off \
             {broken_off:?}, {resumed_bytes} bytes not sent again; {lists} lists with {events} events"
        )
    }
}

/// Puts and fetches so many objects. Returns what came of them, and of the power requests meanwhile.
#[must_use]
pub fn run(objects: u64, seed: u64) -> (ObjectTally, Tally) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (whole, line) = Whole::beside_another(1, seed).await;
        let board = whole.board();
        let is_over = Cell::new(false);
        let others = ask_for_power(whole, &is_over);
        let campaign = ObjectCampaign::new(line, board, seed).await;
        let carrying = async {
            let tally = campaign.run(objects).await;
            is_over.set(true);
            tally
        };
        tokio::join!(carrying, others)
    })
}

/// Stages and cancels operations until the campaign is over; now and then the agent or the board goes down.
async fn ask_for_power(mut whole: Whole, is_over: &Cell<bool>) -> Tally {
    while !is_over.get() {
        let troubles = [Trouble::AgentRestarts, Trouble::Reset, Trouble::ClientDies];
        let trouble = (whole.dice().below(TROUBLE_ONE_IN) == 0).then(|| {
            let kind = whole.dice().below(3);
            let after = Duration::from_micros(whole.dice().below(2_000));
            (after, troubles[usize::try_from(kind).unwrap_or(0)])
        });
        whole.round(0, trouble).await;
        let pause = whole.dice().below(ROUND_PAUSE_MILLIS);
        sleep(Duration::from_millis(pause)).await;
    }
    whole.close().await
}

struct ObjectCampaign {
    line: LossyUart,
    board: Board,
    client: Client,
    dice: Dice,
    tally: ObjectTally,
}

impl ObjectCampaign {
    async fn new(line: LossyUart, board: Board, seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x0B1E_C700);
        let client = connect(&line, &mut dice).await;
        Self {
            line,
            board,
            client,
            dice,
            tally: ObjectTally::default(),
        }
    }

    async fn run(mut self, objects: u64) -> ObjectTally {
        for number in 0..objects {
            self.carry(number).await;
            if number % 10 == 0 {
                self.list_events().await;
            }
            if self.dice.below(20) == 0 {
                // Another process, which knows nothing of this one's session.
                self.client = connect(&self.line, &mut self.dice).await;
            }
        }
        self.tally.struck = self.line.struck();
        self.tally
    }

    /// Puts an object, looks for it on the board's disk, and fetches it.
    async fn carry(&mut self, number: u64) {
        // Short ones are more frequent.
        let most = self.dice.below(OBJECT_BYTES) + 1;
        let length = self.dice.below(most);
        let content: Vec<u8> = (0..length)
            .map(|_| self.dice.roll().to_le_bytes()[0])
            .collect();
        let hash = ObjectHash(Sha256::digest(&content).into());
        if !self.put(hash, &content).await {
            return;
        }
        let stored = self.board.objects.read(&hash.to_string());
        if stored.ok().flatten().as_ref() != Some(&content) {
            let complaint =
                format!("object {number} of {length} bytes is not on the disk as it was put");
            return self.tally.complain(complaint);
        }
        self.tally.put += 1;
        if let Some(fetched) = self.fetch(hash).await {
            if fetched == content {
                self.tally.fetched += 1;
            } else {
                let fetched = fetched.len();
                let complaint =
                    format!("object {number} of {length} bytes came back as {fetched} others");
                self.tally.complain(complaint);
            }
        }
    }

    async fn put(&mut self, hash: ObjectHash, content: &[u8]) -> bool {
        let object = ObjectId {
            hash,
            size: content.len() as u64,
        };
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            self.open_session().await;
            let mut local = CampaignObject(content.to_vec());
            let options = TransferOptions::default();
            match self.client.put(object, &mut local, options).await {
                Ok(progress) => {
                    let is_whole = progress.from == object.size;
                    self.tally.resumed_bytes += if is_whole { 0 } else { progress.from };
                    return true;
                }
                Err(error) => last = self.broken_off(&error).await,
            }
        }
        *self.tally.failed.entry(last).or_default() += 1;
        false
    }

    async fn fetch(&mut self, hash: ObjectHash) -> Option<Vec<u8>> {
        let mut local = CampaignObject(Vec::new());
        let (mut from, mut last) = (0, String::new());
        for _ in 0..ATTEMPTS {
            self.open_session().await;
            let begun = from;
            let mut tracked = TrackedObject {
                object: &mut local,
                done: &mut from,
            };
            match self.client.get(hash, begun, &mut tracked).await {
                Ok(_) => {
                    self.tally.resumed_bytes += begun;
                    return Some(local.0);
                }
                Err(error) => last = self.broken_off(&error).await,
            }
            // What stands behind a missing piece is not of use.
            local
                .0
                .truncate(usize::try_from(from).unwrap_or(usize::MAX));
        }
        *self.tally.failed.entry(last).or_default() += 1;
        None
    }

    /// Notes why an attempt was broken off, and waits where the board is busy. Returns the reason.
    async fn broken_off(&mut self, error: &TransferError) -> String {
        let reason = match error {
            TransferError::Call(error) => match &**error {
                CallError::Silent => "silent".to_owned(),
                CallError::Restarted(_) => "restarted".to_owned(),
                CallError::Unwelcome(Unwelcome::Busy(_)) => "taken over".to_owned(),
                other => other.to_string(),
            },
            TransferError::Refused(refusal) if refusal.code == Code::Busy => {
                sleep(Duration::from_secs(1)).await;
                format!("{} {}", refusal.code.number(), refusal.detail)
            }
            other => other.to_string(),
        };
        *self.tally.broken_off.entry(reason.clone()).or_default() += 1;
        reason
    }

    async fn open_session(&mut self) {
        while !self.client.has_session() {
            // Where there is no answer it is asked again.
            drop(self.client.greet(true).await);
        }
    }

    /// Reads the list of the latest events: none comes twice or out of order.
    async fn list_events(&mut self) {
        self.open_session().await;
        let request = Request::Events(EventsRequest {
            topics: EventTopics::ALL,
            tail: 200,
            follow: false,
        });
        let Ok(reply) = self.client.call(&request).await else {
            return;
        };
        let mut reader = self.client.rest_of(&reply);
        let (mut before, mut count) = (0, 0);
        while reader.is_some() {
            let Ok(replies) = self.client.read_on(&mut reader).await else {
                return;
            };
            for reply in replies {
                let Reply::Items(page) = reply else {
                    return self.tally.complain(format!("a list of events: {reply:?}"));
                };
                for item in page.items() {
                    match item {
                        Item::Event { sequence, .. } if sequence > before => before = sequence,
                        Item::EventsDropped { sequence, .. } if sequence > before => {
                            before = sequence;
                        }
                        item => {
                            let complaint = format!("behind event {before}: {item:?}");
                            return self.tally.complain(complaint);
                        }
                    }
                    count += 1;
                }
            }
        }
        self.tally.lists += 1;
        self.tally.events += count;
    }
}

/// A new process on the line.
async fn connect(line: &LossyUart, dice: &mut Dice) -> Client {
    let options = ClientOptions {
        id: Some(ClientId(dice.roll())),
        ..ClientOptions::default()
    };
    let client = Client::connect(line, &options).await;
    client.expect("the line is there")
}

/// An object in memory.
struct CampaignObject(Vec<u8>);

impl LocalObject for CampaignObject {
    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.0.get(start..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start + bytes.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn progress(&mut self, _progress: TransferProgress) {}
}

/// An object that is fetched, and how far it has come.
struct TrackedObject<'a> {
    object: &'a mut CampaignObject,
    done: &'a mut u64,
}

impl LocalObject for TrackedObject<'_> {
    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.object.read(offset, out)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.object.write(offset, bytes)
    }

    fn progress(&mut self, progress: TransferProgress) {
        *self.done = progress.done;
    }
}
