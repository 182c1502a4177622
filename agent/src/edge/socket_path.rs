//! The path of a Unix socket: reachable by its owner alone from its first moment, and removed by the agent
//! that has put it there only.

use nix::fcntl::{Flock, FlockArg};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind as bind_to, listen, socket,
};
use nix::sys::stat::{Mode, fchmod};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::sleep;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1_024;
/// The mode of the socket and of no more.
const SOCKET_MODE: u32 = 0o600;
/// How often a directory is tried to be locked in which somebody else puts a socket in place.
const LOCK_ATTEMPTS: u32 = 200;
/// How long between two attempts.
const LOCK_AGAIN: Duration = Duration::from_millis(10);

/// The path of a socket that this process listens on; removed when this is dropped, if it is still there.
#[derive(Debug)]
pub struct SocketPath {
    path: PathBuf,
    /// Device and number of the file.
    identity: (u64, u64),
    /// The socket, so that the number is not given away again.
    _socket: OwnedFd,
}

/// Binds a socket of mode 0600 and listens on it. A socket that nobody listens on is a dead agent's and makes
/// room. One that somebody listens on does not, though they be too busy to answer; nor does anything else.
///
/// # Errors
///
/// If something is in the way (`AlreadyExists`), or the kernel refuses.
pub async fn bind(path: &Path) -> io::Result<(UnixListener, SocketPath)> {
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let told = |error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
    };
    // Whatever the umask, nobody else may put another socket there.
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o755);
    builder.create(directory).map_err(told)?;
    let _lock = lock(directory).await.map_err(told)?;
    make_room(path).await?;
    listen_at(path)
}

/// Keeps other agents from putting a socket in place in the same directory meanwhile. Without the right to
/// read the directory nothing is locked.
async fn lock(directory: &Path) -> io::Result<Option<Flock<File>>> {
    for _ in 0..LOCK_ATTEMPTS {
        match try_lock(directory) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(LOCK_AGAIN).await,
            locked => return locked,
        }
    }
    let what = "somebody else has a lock on it";
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

fn try_lock(directory: &Path) -> io::Result<Option<Flock<File>>> {
    let file = match File::open(directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        file => file?,
    };
    let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
    locked.map(Some).map_err(|(_, errno)| errno.into())
}

/// Removes the socket of a dead agent.
async fn make_room(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // Binding says it better.
        Err(_) => return Ok(()),
    };
    let in_the_way = |what: String| Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    if !there.file_type().is_socket() {
        return in_the_way("something that is no socket is there".to_owned());
    }
    // Refused is what the kernel says of a socket that nobody listens on, and of no other.
    match UnixStream::connect(path).await {
        Ok(_) => in_the_way("another agent answers there".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            in_the_way("another agent listens there, and is too busy to answer".to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => in_the_way(format!("a socket is there that cannot be asked: {error}")),
    }
}

/// Binds and listens. The mode is set before there is a path: bind(2) gives the file that of the socket,
/// less the umask, so there is no moment at which another user could connect.
fn listen_at(path: &Path) -> io::Result<(UnixListener, SocketPath)> {
    let too_long = |_| {
        let what = "the path of a socket has 107 bytes at most";
        io::Error::new(io::ErrorKind::InvalidInput, what)
    };
    let address = UnixAddr::new(path).map_err(too_long)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    fchmod(&socket, Mode::from_bits_truncate(SOCKET_MODE))?;
    bind_to(socket.as_raw_fd(), &address)?;
    let file = fs::symlink_metadata(path)?;
    if file.mode() & 0o777 != SOCKET_MODE {
        // The umask has taken from the owner, too.
        fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    }
    let path = SocketPath {
        path: path.to_owned(),
        identity: identity(&file),
        _socket: socket.as_fd().try_clone_to_owned()?,
    };
    listen(&socket, Backlog::new(BACKLOG)?)?;
    let listener = UnixListener::from_std(net::UnixListener::from(socket))?;
    Ok((listener, path))
}

fn identity(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

impl SocketPath {
    /// The path itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn is_there(&self) -> bool {
        let there = fs::symlink_metadata(&self.path);
        there.is_ok_and(|it| it.file_type().is_socket() && identity(&it) == self.identity)
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        // Whoever holds the lock puts a socket in this one's place.
        let locked = try_lock(directory);
        if locked.is_ok() && self.is_there() {
            // What is left behind makes room at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::umask;
    use nix::unistd::geteuid;
    use std::env;
    use std::os::unix::fs::symlink;
    use std::process::{Command, Stdio};

    /// How often a socket is bound while a stranger tries to connect.
    const STARTS: usize = 5_000;
    /// How often a stranger tries before it looks whether that is over.
    const KNOCKS: usize = 1_000;
    /// Tells the stranger where.
    const VARIABLE: &str = "LASTWORD_TEST_SOCKET";

    fn place() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("ours");
        directory
    }

    /// Puts something at a path, then binds there, then drops what was bound.
    #[track_caller]
    fn check_in_the_way(put: impl FnOnce(&Path), why: &str) -> impl Future<Output = ()> {
        let directory = place();
        let path = directory.path().join("agent.sock");
        put(&path);
        let before = fs::symlink_metadata(&path).expect("something").ino();
        let why = why.to_owned();
        async move {
            let refused = bind(&path).await.expect_err("it is in the way");
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{refused}");
            assert!(refused.to_string().contains(&why), "{refused}");
            let after = fs::symlink_metadata(&path).expect("it stays").ino();
            assert_eq!(after, before);
            drop(directory);
        }
    }

    #[tokio::test]
    async fn whatever_is_no_dead_socket_stays() {
        let no_socket = "something that is no socket is there";
        check_in_the_way(|path| fs::write(path, "a file").expect("ours"), no_socket).await;
        check_in_the_way(|path| fs::create_dir(path).expect("ours"), no_socket).await;
        check_in_the_way(|path| symlink("/dev/null", path).expect("ours"), no_socket).await;
        let datagrams = |path: &Path| {
            // It stays open for as long as this test runs.
            std::mem::forget(net::UnixDatagram::bind(path).expect("ours"));
        };
        check_in_the_way(datagrams, "cannot be asked").await;
    }

    #[tokio::test]
    async fn a_socket_whose_owner_is_too_busy_to_answer_is_not_taken_for_dead() {
        let directory = place();
        let path = directory.path().join("agent.sock");
        let flags = SockFlag::SOCK_CLOEXEC;
        let busy = socket(AddressFamily::Unix, SockType::Stream, flags, None).expect("a socket");
        bind_to(busy.as_raw_fd(), &UnixAddr::new(&path).expect("short")).expect("free");
        listen(&busy, Backlog::new(1).expect("small")).expect("bound");
        let mut waiting = Vec::new();
        while let Ok(client) = UnixStream::connect(&path).await {
            waiting.push(client);
        }
        let refused = bind(&path).await.expect_err("somebody listens");
        assert!(refused.to_string().contains("too busy"), "{refused}");
        assert!(path.exists());
        drop(busy);
        bind(&path).await.expect("nobody listens");
    }

    #[tokio::test]
    async fn only_the_socket_itself_is_removed_at_the_end() {
        let directory = place();
        let path = directory.path().join("agent.sock");
        let (listener, own) = bind(&path).await.expect("free");
        drop((listener, own));
        assert!(!path.exists(), "its own");

        let (listener, own) = bind(&path).await.expect("free");
        fs::remove_file(&path).expect("ours");
        fs::write(&path, "a file").expect("ours");
        drop((listener, own));
        assert_eq!(fs::read_to_string(&path).expect("it stays"), "a file");
        fs::remove_file(&path).expect("ours");

        let (listener, own) = bind(&path).await.expect("free");
        fs::remove_file(&path).expect("ours");
        let (_other, _theirs) = bind(&path).await.expect("free");
        drop((listener, own));
        UnixStream::connect(&path).await.expect("the other's");
    }

    #[tokio::test]
    async fn a_stranger_never_gets_in_however_often_the_socket_is_bound() {
        if !geteuid().is_root() {
            eprintln!("NOT SHOWN: another user; this needs root");
            return;
        }
        umask(Mode::empty());
        let directory = place();
        let path = directory.path().join("agent.sock");
        let this = env::current_exe().expect("this test");
        let stranger = format!(
            "{}::the_stranger",
            &module_path!()["lastword_agent::".len()..]
        );
        let stranger = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg("/proc/self/fd/0")
            .args(["--exact", "--nocapture", &stranger])
            .env(VARIABLE, &path)
            .stdin(File::open(this).expect("this test"))
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut stranger) = stranger else {
            eprintln!("NOT SHOWN: another user; this needs setpriv");
            return;
        };
        let mut told = io::BufReader::new(stranger.stdout.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains("knocking") {
            line.clear();
            let read = io::BufRead::read_line(&mut told, &mut line).expect("text");
            assert_ne!(read, 0, "the stranger did not come");
        }
        for start in 0..STARTS {
            let (listener, own) = bind(&path).await.expect("free");
            let mode = fs::metadata(&path).expect("bound").mode() & 0o777;
            assert_eq!(mode, SOCKET_MODE, "start {start}");
            drop((listener, own));
        }
        // At the end it finds a file instead.
        fs::write(&path, "the end").expect("ours");
        let mut rest = String::new();
        io::Read::read_to_string(&mut told, &mut rest).expect("text");
        let ended = stranger.wait().expect("our own child");
        assert!(ended.success(), "{rest}");
        assert!(!rest.contains("got in"), "{rest}");
        println!("{rest}");
        assert!(rest.contains("turned away"), "{rest}");
    }

    /// Not a test of its own: another user that tries to connect until there is a file.
    #[test]
    fn the_stranger() {
        let Some(path) = env::var_os(VARIABLE).map(PathBuf::from) else {
            return;
        };
        println!("knocking");
        let (mut entered, mut refused) = (0, 0);
        while !fs::metadata(&path).is_ok_and(|it| it.is_file()) {
            for _ in 0..KNOCKS {
                match net::UnixStream::connect(&path) {
                    Ok(_) => entered += 1,
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => refused += 1,
                    Err(_) => {}
                }
            }
        }
        if refused > 0 {
            println!("turned away {refused} times");
        }
        if entered > 0 {
            println!("got in {entered} times");
        }
    }
}
