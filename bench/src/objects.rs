//! Objects over TCP on loopback, beside a copy of the file and rsync.

use crate::clock;
use crate::figure::{Bar, Figure, Unit, number};
use crate::process::Agent;
use crate::setting::Setting;
use anyhow::{Context, Result, ensure};
use lastword_client::client::{
    Client, LocalObject, ObjectId, Options, TransferOptions, TransferProgress,
};
use lastword_client::endpoint::Endpoint;
use lastword_protocol::ObjectHash;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The length of the object, in bytes.
const OBJECT_BYTES: usize = 100_000_000;
const QUICK_OBJECT_BYTES: usize = 20_000_000;
/// The number of times that everyone has a turn.
const ROUNDS: usize = 5;
const QUICK_ROUNDS: usize = 3;
/// The bytes that are read at once.
const READ_BYTES: usize = 1 << 20;
/// The longest time in which rsync's server has to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures a put and a get, beside a copy and rsync.
///
/// # Errors
///
/// If something that is measured does not work.
pub fn measure(setting: &Setting) -> Result<Vec<Figure>> {
    let (size, rounds) = if setting.quick {
        (QUICK_OBJECT_BYTES, QUICK_ROUNDS)
    } else {
        (OBJECT_BYTES, ROUNDS)
    };
    let place = ObjectPlace::new(size)?;
    let agent = Agent::start(&setting.agent, false, "store \"1GiB\"")?;
    let rsync = RsyncServer::start(place.directory.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut seconds: [Vec<f64>; 4] = Default::default();
    for _ in 0..rounds {
        // Another object each time: what a store has is not sent again.
        let object = place.new_object()?;
        seconds[0].push(timed(|| place.copy())?);
        let endpoint = endpoint(agent.address())?;
        seconds[1].push(timed(|| runtime.block_on(place.put(&endpoint, object)))?);
        seconds[2].push(timed(|| runtime.block_on(place.get(&endpoint, object)))?);
        if let Some(rsync) = &rsync {
            seconds[3].push(timed(|| rsync.push(&place.file))?);
        }
    }
    Ok(figures(size, seconds))
}

fn figures(size: usize, seconds: [Vec<f64>; 4]) -> Vec<Figure> {
    let [copy, put, get, rsync] =
        seconds.map(|seconds| number(size as u64) / 1e6 / median(seconds));
    let figure =
        |name, value, measured| Figure::new(name, value, Unit::MegabytesPerSecond, measured);
    let times = |name, value, measured| Figure::new(name, value, Unit::Times, measured);
    let mut figures = vec![
        figure(
            "a copy",
            copy,
            "one process reads the file, hashes it, writes another and syncs that",
        ),
        figure(
            "put",
            put,
            "sent over TCP, hashed, written and synced by the agent, and acknowledged",
        ),
        figure("get", get, "read by the agent, sent over TCP, and written"),
        figure(
            "rsync",
            rsync,
            "the whole file to a server on loopback, without compression, and synced",
        ),
        times("put, beside the copy", put / copy, "").with_bar(Bar::AtLeast(0.5)),
    ];
    if !rsync.is_nan() {
        let beside = times("put, beside rsync", put / rsync, "").with_bar(Bar::Above(1.0));
        figures.push(beside);
    }
    figures
}

/// Returns the median; not a number if there are none.
fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = clock::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64())
}

fn endpoint(address: SocketAddr) -> Result<Endpoint> {
    let parsed = format!("tcp://{address}").parse();
    parsed.map_err(|_| anyhow::anyhow!("{address} is no endpoint"))
}

/// A file, and room for its copies.
struct ObjectPlace {
    directory: TempDir,
    file: PathBuf,
    size: usize,
}

impl ObjectPlace {
    fn new(size: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("object");
        let mut random = File::open("/dev/urandom")?.take(size as u64);
        io::copy(&mut random, &mut File::create(&file)?)?;
        Ok(Self {
            directory,
            file,
            size,
        })
    }

    /// Makes the file another.
    fn new_object(&self) -> Result<ObjectId> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let file = File::options().write(true).open(&self.file)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_all()?;
        let hash = hash_of(&self.file, |_| Ok(()))?;
        Ok(ObjectId {
            hash,
            size: self.size as u64,
        })
    }

    fn copy(&self) -> Result<()> {
        let mut copy = File::create(self.directory.path().join("copy"))?;
        hash_of(&self.file, |bytes| copy.write_all(bytes))?;
        Ok(copy.sync_all()?)
    }

    async fn put(&self, endpoint: &Endpoint, object: ObjectId) -> Result<()> {
        let mut client = Client::connect(endpoint, &Options::default()).await?;
        client.greet(false).await?;
        let mut local = LocalFile(File::open(&self.file)?);
        let put = client.put(object, &mut local, TransferOptions::default());
        let progress = put.await?;
        ensure!(progress.from == 0, "it was there already");
        Ok(())
    }

    async fn get(&self, endpoint: &Endpoint, object: ObjectId) -> Result<()> {
        let mut client = Client::connect(endpoint, &Options::default()).await?;
        client.greet(false).await?;
        let path = self.directory.path().join("got");
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        let mut local = LocalFile(options.open(&path)?);
        client.get(object.hash, 0, &mut local).await?;
        ensure!(fs::metadata(&path)?.len() == object.size, "it is cut");
        Ok(())
    }
}

fn hash_of(path: &Path, mut also: impl FnMut(&[u8]) -> io::Result<()>) -> Result<ObjectHash> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(ObjectHash(hasher.finalize().into())),
            count => {
                hasher.update(&bytes[..count]);
                also(&bytes[..count])?;
            }
        }
    }
}

struct LocalFile(File);

impl LocalObject for LocalFile {
    fn read(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn progress(&mut self, _progress: TransferProgress) {}
}

/// rsync's server on loopback; ends with this.
pub(crate) struct RsyncServer {
    child: Child,
    port: u16,
}

impl RsyncServer {
    /// Starts it; none if there is no rsync.
    pub(crate) fn start(directory: &Path) -> Result<Option<Self>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = directory.join("rsyncd.conf");
        let room = directory.join("rsync");
        fs::create_dir(&room)?;
        let text = format!(
            "address = 127.0.0.1\nuse chroot = no\n[room]\npath = {}\nread only = no\n\
             uid = 0\ngid = 0\n",
            room.display()
        );
        fs::write(&config, text)?;
        let mut server = Command::new("rsync");
        server.args(["--daemon", "--no-detach", "--port", &port.to_string()]);
        server.arg("--config").arg(&config);
        let spawned = server.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = match spawned {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            child => child.context("rsync cannot be started")?,
        };
        let server = Self { child, port };
        let begun = clock::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(begun.elapsed() < PATIENCE, "rsync does not listen");
            clock::pause(Duration::from_millis(5));
        }
        Ok(Some(server))
    }

    /// The port that it listens on.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    fn push(&self, file: &Path) -> Result<()> {
        let target = format!("rsync://127.0.0.1:{}/room/object", self.port);
        let mut rsync = Command::new("rsync");
        rsync.args(["--whole-file", "--no-compress", "--ignore-times", "--fsync"]);
        let status = rsync.arg(file).arg(target).status()?;
        ensure!(status.success(), "rsync: {status}");
        Ok(())
    }
}

impl Drop for RsyncServer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
