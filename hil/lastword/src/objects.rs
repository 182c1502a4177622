//! `put`, `get`, `gen push`, `gen pull` and `gen import`: a file into the board's store, an object out of it, a generation to
//! the board or from it.

mod base_archives;
mod download;
mod local_file;
mod pull;
mod push;
mod shown_progress;

use crate::Exit;
use crate::arguments::Order;
use crate::generation::{self, GenerationCommand};
use crate::line::{leave, open_session};
use crate::notes::Notes;
use crate::report::{self, Reader, Report};
use crate::signals;
use crate::trouble::{Trouble, not_arrived, not_reached};
use lastword_client::client::{
    CallError, Client, ObjectId, TransferError, TransferOptions, TransferProgress,
};
use lastword_client::clock::Clock;
use lastword_protocol::refusal::Code;
use lastword_protocol::{Instant, Millis, ObjectHash};
use local_file::{FetchedFile, PutFile};
use serde_json::{Map, Value as Json};
use shown_progress::ShownProgress;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The time for which a board that is lost on the way is looked for.
const RECONNECT: Millis = Millis(60_000);
/// The number of attempts in a row that get no byte further before it is given up.
const FRUITLESS: u32 = 3;
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Stores a file on the board.
pub(crate) async fn put(order: &Order, file: &Path) -> Exit {
    carry_out(order, async |transfer| transfer.put(file).await).await
}

/// Fetches an object from the board into a file, or to standard output.
pub(crate) async fn get(order: &Order, hash: ObjectHash, file: Option<&Path>) -> Exit {
    carry_out(order, async |transfer| transfer.get(hash, file).await).await
}

/// Moves a generation to the board, or from it.
pub(crate) async fn generation(order: &Order, command: &GenerationCommand) -> Exit {
    carry_out(order, async |transfer| match command {
        GenerationCommand::Push(options) => transfer.push(&options.file, &options.moving).await,
        GenerationCommand::Pull(options) => transfer.pull(options).await,
        GenerationCommand::Import(options) => transfer.import(options).await,
        _ => Ok(()),
    })
    .await
}

async fn carry_out(
    order: &Order,
    work: impl AsyncFnOnce(&mut ObjectTransfer<'_>) -> Result<(), Trouble>,
) -> Exit {
    let notes = Notes::default();
    let reader = Reader::of(order.json);
    let mut transfer = ObjectTransfer {
        order,
        reader,
        notes: notes.clone(),
        client: None,
        clock: Clock::start(),
        done: 0,
        fruitless: 0,
    };
    let exit = tokio::select! {
        done = work(&mut transfer) => match done {
            Ok(()) => Exit::Done,
            Err((code, detail, exit)) => {
                Report::of_one_step(reader, notes).trouble(code, &detail);
                exit
            }
        },
        exit = signals::end() => {
            generation::remove_unfinished();
            exit
        }
    };
    leave(transfer.client.take()).await;
    exit
}

/// One transfer, over as many sessions as it takes.
struct ObjectTransfer<'o> {
    order: &'o Order,
    reader: Reader,
    notes: Notes,
    client: Option<Client>,
    /// It stands at zero when the command begins.
    clock: Clock,
    /// The byte that the last attempt has come to, and the number of attempts since that came further.
    done: u64,
    fruitless: u32,
}

impl ObjectTransfer<'_> {
    async fn put(&mut self, file: &Path) -> Result<(), Trouble> {
        let shown = ShownProgress::new(self.reader, self.order.quiet);
        let mut source = PutFile::open(file, shown).map_err(|it| unusable(file, &it))?;
        let object = source.object().map_err(|it| unusable(file, &it))?;
        let progress = self.store(object, &mut source).await?;
        source.shown().finish();
        self.tell(object, progress, None);
        Ok(())
    }

    /// Stores an object on the board.
    async fn store(
        &mut self,
        object: ObjectId,
        source: &mut PutFile,
    ) -> Result<TransferProgress, Trouble> {
        let options = TransferOptions {
            rate: self.order.rate,
        };
        let mut is_again = false;
        loop {
            let attempt = match self.client().await {
                Ok(client) => client.put(object, source, options).await,
                Err(trouble) => return Err(trouble),
            };
            match attempt {
                Ok(progress) => return Ok(progress),
                // What an earlier transfer has left on the board may have lost its content in a power cut.
                Err(TransferError::Refused(refusal))
                    if refusal.code == Code::BadValue && !is_again =>
                {
                    is_again = true;
                    self.note("the board's copy has another hash; sending all of it again");
                }
                Err(TransferError::Refused(refusal)) if refusal.code == Code::BadValue => {
                    let detail = format!("{}: has the file changed meanwhile?", refusal.detail);
                    return Err((refusal.code, detail, Exit::No));
                }
                Err(error) => self.recover(&error, source.done()).await?,
            }
        }
    }

    async fn get(&mut self, hash: ObjectHash, file: Option<&Path>) -> Result<(), Trouble> {
        let named = hash.to_string();
        let path = file.unwrap_or_else(|| Path::new(&named));
        let progress = self.fetch(hash, path).await?;
        let size = progress.size;
        self.tell(ObjectId { hash, size }, progress, Some(path));
        Ok(())
    }

    /// Fetches an object from the board into a file.
    async fn fetch(&mut self, hash: ObjectHash, path: &Path) -> Result<TransferProgress, Trouble> {
        let shown = ShownProgress::new(self.reader, self.order.quiet);
        let opened = FetchedFile::open(hash, path, shown);
        let mut fetched = opened.map_err(|it| unusable(path, &it))?;
        let mut is_again = false;
        let progress = loop {
            let from = fetched.length();
            let client = self.client().await?;
            match client.get(hash, from, &mut fetched).await {
                Ok(progress) if fetched.has_hash().map_err(|it| unusable(path, &it))? => {
                    break progress;
                }
                Ok(_) if is_again => {
                    let detail = "what the board sends has another hash";
                    return Err((Code::Internal, detail.to_owned(), Exit::No));
                }
                Ok(_) => {
                    is_again = true;
                    fetched.restart().map_err(|it| unusable(path, &it))?;
                    self.note("what is here has another hash; fetching all of it again");
                }
                // What is here is longer than the object.
                Err(TransferError::Refused(refusal))
                    if refusal.code == Code::BadValue && from > 0 && !is_again =>
                {
                    is_again = true;
                    fetched.restart().map_err(|it| unusable(path, &it))?;
                }
                Err(error) => {
                    fetched.cut().map_err(|it| unusable(path, &it))?;
                    if matches!(&error, TransferError::Refused(_)) {
                        fetched.give_up();
                    }
                    self.recover(&error, fetched.length()).await?;
                }
            }
        };
        fetched.shown().finish();
        fetched.keep().map_err(|it| unusable(path, &it))?;
        Ok(progress)
    }

    /// The client, in a session. A board that was there before is looked for.
    async fn client(&mut self) -> Result<&mut Client, Trouble> {
        if self.client.is_none() {
            let opened = open_session(self.order, &self.notes, false).await;
            let (client, _) = opened.map_err(|it| not_reached(&self.order.endpoint, it))?;
            self.client = Some(client);
        }
        let missing = || (Code::Internal, String::new(), Exit::No);
        self.client.as_mut().ok_or_else(missing)
    }

    /// Finds the board again, if it was lost on the way and the transfer, which has come to `done`, gets on.
    async fn recover(&mut self, error: &TransferError, done: u64) -> Result<(), Trouble> {
        let is_lost = match error {
            TransferError::Stalled => true,
            TransferError::Call(error) => matches!(
                **error,
                CallError::Link(_) | CallError::Silent | CallError::Restarted(_)
            ),
            TransferError::Refused(refusal) => refusal.code == Code::Timeout,
            _ => false,
        };
        self.fruitless = if self.done < done {
            0
        } else {
            self.fruitless + 1
        };
        self.done = done;
        if !is_lost || self.fruitless == FRUITLESS {
            return Err(not_arrived(error));
        }
        let (_, detail, _) = not_arrived(error);
        self.note(&format!("{detail}; looking for the board"));
        self.client = None;
        let until = self.clock.now().after(RECONNECT);
        loop {
            tokio::time::sleep(PAUSE).await;
            match open_session(self.order, &self.notes, false).await {
                Ok((client, _)) => {
                    self.client = Some(client);
                    return Ok(());
                }
                Err(error) if until <= self.clock.now() => {
                    return Err(not_reached(&self.order.endpoint, error));
                }
                Err(_) => {}
            }
        }
    }

    fn note(&self, what: &str) {
        self.notes.line(&format!("lastword: {what}"));
    }

    /// Tells what has arrived.
    fn tell(&self, object: ObjectId, progress: TransferProgress, file: Option<&Path>) {
        let moved = progress.size - progress.from;
        let Millis(taken) = self.clock.now().since(Instant(0));
        let is_on_output = file.is_some_and(is_standard_output);
        match self.reader {
            Reader::Program => {
                let mut told = Map::new();
                told.insert("object".to_owned(), object.hash.to_string().into());
                for (key, number) in [
                    ("size", object.size),
                    ("moved", moved),
                    ("sent_again", progress.sent_again),
                    ("ms", taken),
                ] {
                    told.insert(key.to_owned(), number.into());
                }
                if !is_on_output {
                    report::object(told);
                }
            }
            Reader::Person | Reader::Script if is_on_output => {}
            Reader::Script => report::line(&format!(
                "ok object={} size={} moved={moved}",
                object.hash, object.size
            )),
            Reader::Person => {
                let tenths = taken / 100;
                report::line(&format!(
                    "{}  {} bytes, {moved} moved in {}.{} s",
                    object.hash,
                    object.size,
                    tenths / 10,
                    tenths % 10
                ));
            }
        }
    }
}

/// Returns whether `-` is meant.
fn is_standard_output(file: &Path) -> bool {
    file == Path::new("-")
}

fn unusable(file: &Path, error: &io::Error) -> Trouble {
    let detail = format!("{}: {error}", file.display());
    (Code::BadValue, detail, Exit::Usage)
}

/// The progress of a transfer as a program reads it.
fn progress_object(progress: TransferProgress) -> Map<String, Json> {
    let mut told = Map::new();
    told.insert("done".to_owned(), progress.done.into());
    told.insert("size".to_owned(), progress.size.into());
    told
}
