//! `cargo xtask power-cuts`: the power of a virtual board fails at any moment while objects are put into its store; what
//! was acknowledged is there afterwards, whole.

use crate::board::linux::{Way, image, options, wait_until_up};
use anyhow::{Context, Result, ensure};
use lastword_client::client::{
    Client, LocalObject, ObjectId, Options, TransferError, TransferOptions, TransferProgress,
};
use lastword_protocol::ObjectHash;
use lastword_protocol::refusal::Code;
use lastword_tests::dice::Dice;
use lastword_virtual::{LinuxBoard, Network};
use sha2::{Digest, Sha256};
use std::io;
use std::time::Duration;

/// The longest object in bytes: some take a fraction of the time before a cut, some longer than that.
const OBJECT_BYTES: u64 = 48 << 10;
/// The longest time from the first put to the cut.
const CUT_MS: u64 = 400;
/// The objects that are looked at behind each cut: the newest.
const CHECKED: usize = 6;

/// The outcome of all cuts.
#[derive(Debug, Default)]
struct CutTally {
    kept: u64,
    lost: u64,
    wrong: u64,
    /// The objects that were being put when the power failed, and those of which bytes were there afterwards.
    interrupted: u64,
    resumed: u64,
    /// The parts that had lost their content.
    damaged: u64,
}

/// Cuts the power so often.
pub(crate) fn run(count: u32, seed: Option<u64>) -> Result<()> {
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("power-cuts: seed {seed}");
    let image = image(Network::User, Vec::new())?;
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build()?;
    let tally = runtime.block_on(async {
        let board = LinuxBoard::start(&image, options("power-cuts", Network::User)?).await?;
        campaign(board, count, &mut Dice::new(seed)).await
    })?;
    println!(
        "power-cuts: {count} cuts, {} objects acknowledged, {} lost, {} wrong; {} interrupted, of which {} went on, {} damaged",
        tally.kept, tally.lost, tally.wrong, tally.interrupted, tally.resumed, tally.damaged
    );
    ensure!(
        tally.lost + tally.wrong == 0,
        "what was acknowledged is not there"
    );
    ensure!(tally.interrupted > 0, "no cut came within a put");
    Ok(())
}

async fn campaign(mut board: LinuxBoard, count: u32, dice: &mut Dice) -> Result<CutTally> {
    let mut tally = CutTally::default();
    let mut kept: Vec<MemoryObject> = Vec::new();
    wait_until_up(&board, Way::Tcp).await?;
    for number in 1..=count {
        let cut_at = Duration::from_millis(dice.below(CUT_MS));
        let mut under_way = None;
        let puts = put_for_ever(&board, dice, (&mut kept, &mut under_way));
        tokio::select! {
            ended = puts => ended.context("before the cut")?,
            () = tokio::time::sleep(cut_at) => {}
        }
        board.power_cut().await?;
        board.power_on().await?;
        wait_until_up(&board, Way::Tcp).await?;
        let mut client = greeted(&board).await?;
        let newest = kept.len().saturating_sub(CHECKED);
        for object in &kept[newest..] {
            check(&mut client, object, &mut tally).await?;
        }
        if let Some(object) = under_way {
            tally.interrupted += 1;
            kept.push(go_on(&mut client, object, &mut tally).await?);
        }
        if number % 10 == 0 {
            println!("{number}/{count}: {} acknowledged", kept.len());
        }
    }
    let mut client = greeted(&board).await?;
    for object in &kept {
        check(&mut client, object, &mut tally).await?;
    }
    tally.kept = kept.len() as u64;
    board.stop().await?;
    Ok(tally)
}

/// Puts one object after the other, until the power fails.
async fn put_for_ever(
    board: &LinuxBoard,
    dice: &mut Dice,
    (kept, under_way): (&mut Vec<MemoryObject>, &mut Option<MemoryObject>),
) -> Result<()> {
    let mut client = greeted(board).await?;
    loop {
        let object = MemoryObject::random(dice);
        let mut sent = under_way.insert(object).clone();
        let id = sent.id();
        client
            .put(id, &mut sent, TransferOptions::default())
            .await?;
        kept.extend(under_way.take());
    }
}

/// Puts an object again that was interrupted; from the beginning if what is there of it has lost its content.
async fn go_on(
    client: &mut Client,
    object: MemoryObject,
    tally: &mut CutTally,
) -> Result<MemoryObject> {
    let id = object.id();
    let mut sent = object.clone();
    let put = client.put(id, &mut sent, TransferOptions::default()).await;
    match put {
        Ok(progress) => tally.resumed += u64::from(progress.from > 0),
        Err(TransferError::Refused(refusal)) if refusal.code == Code::BadValue => {
            tally.damaged += 1;
            client
                .put(id, &mut sent, TransferOptions::default())
                .await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(object)
}

/// Gets an object that was acknowledged.
async fn check(client: &mut Client, object: &MemoryObject, tally: &mut CutTally) -> Result<()> {
    let id = object.id();
    let mut got = MemoryObject(vec![0; object.0.len()]);
    match client.get(id.hash, 0, &mut got).await {
        Ok(_) if got.0 == object.0 => {}
        Ok(_) => {
            println!("object {} is wrong", id.hash);
            tally.wrong += 1;
        }
        Err(TransferError::Refused(refusal)) => {
            println!("object {} of {} bytes: {refusal}", id.hash, id.size);
            tally.lost += 1;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn greeted(board: &LinuxBoard) -> Result<Client> {
    let mut client = Client::connect(&Way::Tcp.to(board), &Options::default()).await?;
    client.greet(false).await?;
    Ok(client)
}

/// An object in memory.
#[derive(Clone, Debug)]
struct MemoryObject(Vec<u8>);

impl MemoryObject {
    fn random(dice: &mut Dice) -> Self {
        let length = dice.below(OBJECT_BYTES);
        Self((0..length).map(|_| dice.byte()).collect())
    }

    fn id(&self) -> ObjectId {
        ObjectId {
            hash: ObjectHash(Sha256::digest(&self.0).into()),
            size: self.0.len() as u64,
        }
    }

    fn part(&mut self, offset: u64, length: usize) -> io::Result<&mut [u8]> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.get_mut(start..).unwrap_or_default();
        let part = rest.get_mut(..length);
        part.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl LocalObject for MemoryObject {
    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        out.copy_from_slice(self.part(offset, out.len())?);
        Ok(())
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.part(offset, bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    fn progress(&mut self, _progress: TransferProgress) {}
}
