//! Whose socket listens on a TCP port, as `/proc` shows it (proc(5): `PID/net/tcp`, `PID/fd`).

use super::group::Group;
use super::watch::Process;
use crate::edge::threads::{self, OneEach};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often the owner of the same sockets is looked for again: each look reads the descriptors of many
/// processes.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Who listens on a port of the loopback address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PortOwner {
    /// Nobody.
    Nobody,
    /// A process of the service.
    Service,
    /// None of the service's processes; the text names who does, as far as that can be told.
    Stranger(String),
    /// It cannot be told: `/proc` hides it, or what answers is no socket of this namespace.
    Unknown,
}

/// A socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listener {
    inode: u64,
    /// Whose it is, by number.
    uid: u32,
}

/// Looks whose socket listens on a port, in the network namespace of a service's main process.
#[derive(Debug)]
pub(super) struct PortWatch<'g> {
    port: u16,
    group: &'g Group,
    /// The sockets that were found last, when, and whose they were.
    last: Option<(Vec<u64>, Instant, PortOwner)>,
}

impl<'g> PortWatch<'g> {
    pub(super) const fn new(port: u16, group: &'g Group) -> Self {
        Self {
            port,
            group,
            last: None,
        }
    }

    /// Whether the service's main process has another network namespace than this process, so that no
    /// connection from here tells anything.
    pub(super) fn is_elsewhere(&self) -> bool {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let theirs = self.leader().and_then(|it| namespace(&it.pid.to_string()));
        theirs.is_some_and(|theirs| namespace("self").is_some_and(|own| own != theirs))
    }

    fn leader(&self) -> Option<&Arc<Process>> {
        self.group.leader()
    }

    /// Returns who listens. Cancel-safe.
    pub(super) async fn owner(&mut self) -> PortOwner {
        let Some(pid) = self.leader().map(|leader| leader.pid) else {
            return PortOwner::Unknown;
        };
        let port = self.port;
        let list = threads::run(&OneEach::default(), move || listeners(pid, port)).await;
        let Ok(Ok(found)) = list else {
            return PortOwner::Unknown;
        };
        let inodes: Vec<u64> = found.iter().map(|listener| listener.inode).collect();
        if let Some((last, at, owner)) = &self.last
            && *last == inodes
            && at.elapsed() < LOOK_INTERVAL
        {
            return owner.clone();
        }
        let owner = self.owner_of(found).await;
        self.last = Some((inodes, Instant::now(), owner.clone()));
        owner
    }

    async fn owner_of(&self, found: Vec<Listener>) -> PortOwner {
        if found.is_empty() {
            return PortOwner::Nobody;
        }
        let Ok(members) = self.group.pids().await else {
            return PortOwner::Unknown;
        };
        let look = move || owner(&found, &members);
        let looked = threads::run(&OneEach::default(), look).await;
        looked.unwrap_or(PortOwner::Unknown)
    }
}

/// Whose these sockets are.
fn owner(found: &[Listener], members: &[i32]) -> PortOwner {
    let inodes: BTreeSet<u64> = found.iter().map(|listener| listener.inode).collect();
    let mut all_seen = true;
    for pid in members {
        match holds(*pid, &inodes) {
            Ok(true) => return PortOwner::Service,
            Ok(false) => {}
            // It has ended.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => all_seen = false,
        }
    }
    match (stranger(&inodes, members), found.first()) {
        (Some(pid), _) => PortOwner::Stranger(format!("process {pid}{}", program(pid))),
        (None, Some(listener)) if all_seen => {
            PortOwner::Stranger(format!("another process, of user {}", listener.uid))
        }
        (None, _) => PortOwner::Unknown,
    }
}

/// The first process that holds one of the sockets and is no member.
fn stranger(inodes: &BTreeSet<u64>, members: &[i32]) -> Option<i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let others = pids.filter(|pid| !members.contains(pid));
    let mut holders = others.filter(|pid| holds(*pid, inodes).unwrap_or(false));
    holders.next()
}

/// The name of its program, in parentheses behind a space.
fn program(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match name.trim_end() {
        "" => String::new(),
        name => format!(" ({})", name.escape_default()),
    }
}

/// Whether a process has one of these sockets open.
fn holds(pid: i32, inodes: &BTreeSet<u64>) -> io::Result<bool> {
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // It may be closed by now.
        let link = fs::read_link(descriptor?.path()).unwrap_or_default();
        if socket_of(&link).is_some_and(|inode| inodes.contains(&inode)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The inode of `socket:[12345]`.
fn socket_of(link: &Path) -> Option<u64> {
    let link = link.to_str()?.strip_prefix("socket:[")?;
    link.strip_suffix(']')?.parse().ok()
}

/// The sockets that listen on a port of the loopback address, in the network namespace of a process.
fn listeners(pid: i32, port: u16) -> io::Result<Vec<Listener>> {
    let read = |table: &str| {
        let file = File::open(format!("/proc/{pid}/net/{table}"))?;
        listeners_in(BufReader::new(file), port)
    };
    let mut found = read("tcp")?;
    match read("tcp6") {
        Ok(more) => found.extend(more),
        // A kernel without IPv6.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(found)
}

/// Those of a table, which lists sockets that listen before all others (`proc_net_tcp.rst` of the kernel).
fn listeners_in(table: impl BufRead, port: u16) -> io::Result<Vec<Listener>> {
    let mut found = Vec::new();
    for line in table.lines().skip(1) {
        match listener_in(&line?) {
            Some((address, its_port, listener)) => {
                if its_port == port && answers_loopback(address) {
                    found.push(listener);
                }
            }
            None => break,
        }
    }
    Ok(found)
}

/// The address, port and socket of a line; `None` if it does not listen.
fn listener_in(line: &str) -> Option<(IpAddr, u16, Listener)> {
    /// `TCP_LISTEN` of `include/net/tcp_states.h`.
    const LISTENS: &str = "0A";
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    let state = fields.nth(1)?;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    let listener = Listener { inode, uid };
    let port = u16::from_str_radix(port, 16).ok()?;
    (state == LISTENS).then_some((address_of(address)?, port, listener))
}

/// An address: words of 32 bits, each as the processor reads it.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |text: &[u8]| {
        let text = str::from_utf8(text).ok()?;
        u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes)
    };
    let (words, rest) = hex.as_bytes().as_chunks::<8>();
    match (words, rest) {
        ([one], []) => Some(Ipv4Addr::from(word(one)?).into()),
        ([a, b, c, d], []) => {
            let words = [word(a)?, word(b)?, word(c)?, word(d)?];
            let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// Whether connections to 127.0.0.1 or `::1` reach a socket that is bound to this.
fn answers_loopback(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_unspecified() || address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Service, soon};
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_table_tells_what_listens_on_the_loopback_address() {
        let word = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
        let v6 = |address: Ipv6Addr| {
            let octets = address.octets();
            let (words, _) = octets.as_chunks::<4>();
            words.iter().map(|it| word(*it)).collect::<String>()
        };
        let mapped = |ip: Ipv4Addr| v6(ip.to_ipv6_mapped());
        for (address, state, found) in [
            (word([127, 0, 0, 1]), "0A", true),
            (word([0; 4]), "0A", true),
            (word([192, 168, 0, 1]), "0A", false),
            (word([127, 0, 0, 2]), "0A", false),
            (word([127, 0, 0, 1]), "01", false),
            (v6(Ipv6Addr::LOCALHOST), "0A", true),
            (v6(Ipv6Addr::UNSPECIFIED), "0A", true),
            (mapped(Ipv4Addr::LOCALHOST), "0A", true),
            (v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)), "0A", false),
            ("0100".to_owned(), "0A", false),
        ] {
            let line = format!(
                "   0: {address}:20E5 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  \
                 1000        0 4711 1 0000000000000000 100 0 0 10 0"
            );
            let table = format!("  sl  local_address …\n{line}\n");
            let listener = Listener {
                inode: 4_711,
                uid: 1_000,
            };
            let expected = if found { vec![listener] } else { vec![] };
            let read = listeners_in(table.as_bytes(), 8_421).expect("text");
            assert_eq!(read, expected, "{line}");
            assert_eq!(listeners_in(table.as_bytes(), 8_422).expect("text"), []);
        }
    }

    #[tokio::test]
    async fn a_strangers_socket_is_named_with_its_process_and_program() {
        let service = Service::shell("exec sleep 1000");
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("bound").port();
        let mut watch = PortWatch::new(port, &service.group);
        assert!(!watch.is_elsewhere());
        let this = std::process::id();
        let PortOwner::Stranger(who) = soon(watch.owner()).await else {
            panic!("{watch:?}");
        };
        assert!(who.starts_with(&format!("process {this} (")), "{who}");
        drop(socket);
        assert_eq!(soon(watch.owner()).await, PortOwner::Nobody);
    }
}
