//! Two network namespaces with a cable between them that can be pulled. They need root and iproute2.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// A network of a board and a host. Its addresses exist nowhere else; gone when dropped.
#[derive(Debug)]
pub struct PairNetwork {
    board: String,
    host: String,
}

impl PairNetwork {
    /// Makes the network, in which the board is [`BOARD_ADDRESS`]; `None` without the right to.
    #[must_use]
    pub fn create() -> Option<Self> {
        let name = |end| format!("lastword-{end}-{}", std::process::id());
        let network = Self {
            board: name("board"),
            host: name("host"),
        };
        let made = [
            ip(&["netns", "add", &network.board]),
            ip(&["netns", "add", &network.host]),
        ];
        made.iter().all(|made| *made).then_some(())?;
        let cable = ["link", "add", CABLE, "type", "veth", "peer", "name", CABLE];
        network.on_board(&[&cable[..], &["netns", &network.host]].concat());
        network.on_board(&["addr", "add", &format!("{BOARD_ADDRESS}/24"), "dev", CABLE]);
        network.on_host(&["addr", "add", &format!("{HOST_ADDRESS}/24"), "dev", CABLE]);
        network.on_board(&["link", "set", CABLE, "up"]);
        network.on_host(&["link", "set", CABLE, "up"]);
        Some(network)
    }

    /// Returns the command that runs this one on the board's side, with its environment.
    #[must_use]
    pub fn command_on_board(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.board]);
        inside.arg(command.get_program()).args(command.get_args());
        inside.envs(
            command
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
        inside
    }

    /// Connects from the host to the board.
    #[must_use]
    pub fn connect(&self, port: u16) -> TcpStream {
        let namespace = File::open(Path::new(NAMESPACES).join(&self.host)).expect("a namespace");
        let connecting = thread::spawn(move || {
            // Of this thread alone, which ends here.
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("root");
            let board = SocketAddr::new(BOARD_ADDRESS.parse().expect("an address"), port);
            TcpStream::connect(board).expect("a listener")
        });
        connecting.join().expect("a connection")
    }

    /// Takes the host off the network, without a word to the board.
    pub fn pull(&self) {
        self.on_host(&["link", "set", CABLE, "down"]);
    }

    fn on_board(&self, arguments: &[&str]) {
        inside(&self.board, arguments);
    }

    fn on_host(&self, arguments: &[&str]) {
        inside(&self.host, arguments);
    }
}

impl Drop for PairNetwork {
    fn drop(&mut self) {
        // One of them may not have been made.
        ip(&["netns", "del", &self.board]);
        ip(&["netns", "del", &self.host]);
    }
}

fn inside(namespace: &str, arguments: &[&str]) {
    let done = ip(&[&["-n", namespace], arguments].concat());
    assert!(done, "ip {arguments:?} in {namespace}");
}

fn ip(arguments: &[&str]) -> bool {
    let mut command = Command::new("ip");
    let status = command.args(arguments).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The board's address.
pub const BOARD_ADDRESS: &str = "10.0.3.1";
const HOST_ADDRESS: &str = "10.0.3.2";
const CABLE: &str = "cable";
/// The directory of the names of namespaces, ip-netns(8).
const NAMESPACES: &str = "/run/netns";
