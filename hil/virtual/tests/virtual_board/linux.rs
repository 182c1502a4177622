//! A Linux board boots a real kernel, resets, loses power, and is reached over both networks. A
//! shell script stands in for the agent.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use lastword_virtual::prerequisites::Wanted;
use lastword_virtual::{
    BoardError, BoardEventKind, GuestFile, Image, LinuxBoard, Network, Options, prerequisites,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// A board with the stand-in for an agent, and the directory it keeps.
struct Rig {
    board: LinuxBoard,
    _directory: TempDir,
}

impl Rig {
    async fn start(change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = Options::new(directory.path());
        change(&mut options);
        let image = tokio::task::spawn_blocking(image).await.unwrap();
        let board = LinuxBoard::start(&image, options).await.unwrap();
        Self {
            board,
            _directory: directory,
        }
    }

    /// Waits for the stand-in's start of this number since the disk was made.
    async fn started(&mut self, number: u32) {
        self.console(&format!("stand-in: start {number} ")).await;
    }

    async fn console(&mut self, text: &str) {
        let waited = self.board.wait_for_console(text, BOOT).await;
        waited.unwrap_or_else(|error| panic!("{error}: {}", self.board.console_text().unwrap()));
    }

    async fn serial(&self) -> BufReader<UnixStream> {
        BufReader::new(self.board.connect_serial().await.unwrap())
    }

    /// Reads the events that are left, up to the error that tells of QEMU's end.
    async fn ended(&mut self) {
        let error = loop {
            match timeout(BOOT, self.board.next_event()).await.unwrap() {
                Ok(event) => assert!(matches!(event.kind, BoardEventKind::Other(_)), "{event:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, BoardError::Ended { .. }), "{error}");
    }

    /// Waits for a reset or shutdown and returns it with QEMU's reason.
    async fn power_event(&mut self) -> (BoardEventKind, String) {
        loop {
            let event = timeout(BOOT, self.board.next_event())
                .await
                .unwrap()
                .unwrap();
            if !matches!(event.kind, BoardEventKind::Other(_)) {
                return (event.kind, event.reason.unwrap_or_default());
            }
        }
    }
}

#[tokio::test]
async fn a_guests_own_reboot_is_one_reset_and_the_disk_stays() {
    let mut rig = Rig::start(|options| options.log_filter = Some("info,power=debug".into())).await;
    rig.console("stand-in: start 1 with log info,power=debug")
        .await;
    let mut serial = rig.serial().await;
    assert_eq!(asked(&mut serial, "reboot").await, "ok reboot");
    assert_eq!(
        rig.power_event().await,
        (BoardEventKind::Reset, "guest-reset".into())
    );
    rig.started(2).await;
    assert_eq!(
        asked(&mut serial, "the same line").await,
        "echo the same line"
    );
    // The next event is that of the next reset: the first one made no second.
    let null = serde_json::Value::Null;
    rig.board.execute("system_reset", null).await.unwrap();
    let reset = (BoardEventKind::Reset, "host-qmp-system-reset".to_owned());
    assert_eq!(rig.power_event().await, reset);
    rig.board.stop().await.unwrap();
}

#[tokio::test]
async fn a_reset_from_outside_reaches_every_reader() {
    let mut rig = Rig::start(|_| ()).await;
    rig.started(1).await;
    let mut second_reader = rig.board.subscribe();
    rig.board
        .execute("system_reset", serde_json::Value::Null)
        .await
        .unwrap();
    let reset = (BoardEventKind::Reset, "host-qmp-system-reset".to_owned());
    assert_eq!(rig.power_event().await, reset);
    assert_eq!(
        second_reader.next().await.unwrap().kind,
        BoardEventKind::Reset
    );
    rig.started(2).await;
}

#[tokio::test]
async fn a_board_that_powers_off_ends_and_can_be_switched_on() {
    let mut rig = Rig::start(|_| ()).await;
    rig.started(1).await;
    let address = rig.board.tcp_address();
    assert_eq!(
        asked(&mut rig.serial().await, "poweroff").await,
        "ok poweroff"
    );
    assert_eq!(
        rig.power_event().await,
        (BoardEventKind::Shutdown, "guest-shutdown".into())
    );
    assert!(rig.board.exited().await.unwrap().success());
    rig.ended().await;
    rig.board.power_on().await.unwrap();
    assert_eq!(rig.board.tcp_address(), address);
    rig.started(2).await;
}

#[tokio::test]
async fn a_power_cut_loses_what_was_not_flushed_and_keeps_the_rest() {
    let mut rig = Rig::start(|_| ()).await;
    rig.started(1).await;
    assert_eq!(
        asked(&mut rig.serial().await, "unflushed").await,
        "ok unflushed"
    );
    rig.board.power_cut().await.unwrap();
    rig.ended().await;
    rig.board.power_on().await.unwrap();
    rig.started(2).await;
}

#[tokio::test]
async fn noise_interleaves_with_the_agent_on_its_uart() {
    let mut rig = Rig::start(|options| options.noise = Some(Duration::from_millis(20))).await;
    rig.started(1).await;
    let mut serial = rig.serial().await;
    serial.write_all(b"hello\n").await.unwrap();
    let (mut printk, mut userland, mut echoed) = (0, 0, false);
    while printk < 5 || userland < 5 || !echoed {
        let line = line(&mut serial).await;
        printk += u32::from(line.contains("] noise: printk "));
        userland += u32::from(line.starts_with("noise: userland "));
        echoed |= line.contains("echo hello");
    }
    assert!(
        rig.board
            .console_text()
            .unwrap()
            .contains("] noise: printk ")
    );
}

#[tokio::test]
async fn the_agents_port_is_reached_over_the_user_network() {
    let mut rig = Rig::start(|_| ()).await;
    rig.started(1).await;
    assert!(rig.board.tcp_address().unwrap().ip().is_loopback());
    let mut stream = rig.board.connect_tcp().await.unwrap();
    stream.write_all(b"over the user network").await.unwrap();
    let mut echo = [0; 21];
    timeout(BOOT, stream.read_exact(&mut echo))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&echo, b"over the user network");
}

#[tokio::test]
async fn the_agents_port_is_reached_over_a_tap() {
    let mut rig = Rig::start(|options| options.network = Network::Tap).await;
    rig.started(1).await;
    assert_eq!(rig.board.tcp_address(), None);
    let mut stream = rig.board.connect_tcp().await.unwrap();
    stream.write_all(b"over a tap").await.unwrap();
    let mut echo = [0; 10];
    timeout(BOOT, stream.read_exact(&mut echo))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&echo, b"over a tap");
    let blocking = rig.board.in_network(|address| {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.write_all(b"x")?;
        stream.read_exact(&mut [0])?;
        Ok((stream.local_addr()?.ip(), address))
    });
    let (ours, theirs) = blocking.await.unwrap();
    assert_eq!(
        (ours.to_string(), theirs.to_string()),
        ("10.0.2.2".into(), "10.0.2.15:7450".into())
    );
    rig.board.power_cut().await.unwrap();
    rig.board.power_on().await.unwrap();
    rig.started(2).await;
    rig.board.connect_tcp().await.unwrap();
    rig.board.stop().await.unwrap();
}

#[tokio::test]
async fn a_qemu_that_cannot_run_is_quoted() {
    let mut rig = Rig::start(|_| ()).await;
    // QEMU answers on QMP some time before it has locked the disk; a guest that runs has it.
    rig.started(1).await;
    let image = tokio::task::spawn_blocking(image).await.unwrap();
    let directory = rig
        .board
        .serial_path()
        .parent()
        .map(Path::to_owned)
        .unwrap();
    let error = LinuxBoard::start(&image, Options::new(directory))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("\"write\" lock"), "{error}");
}

async fn asked(serial: &mut BufReader<UnixStream>, request: &str) -> String {
    serial
        .write_all(format!("{request}\n").as_bytes())
        .await
        .unwrap();
    line(serial).await
}

async fn line(serial: &mut BufReader<UnixStream>) -> String {
    let mut line = Vec::new();
    timeout(BOOT, serial.read_until(b'\n', &mut line))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

fn image() -> Image {
    prerequisites::install(&prerequisites::missing(Wanted::Linux(Network::Tap))).unwrap();
    let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/virtual_board/stand-in");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("virtual-board");
    let motd = GuestFile::text("/etc/motd", "a file that a test adds");
    Image::build(&cache, &stand_in, [motd]).unwrap()
}

/// A boot takes two or three seconds alone on a machine.
const BOOT: Duration = Duration::from_mins(1);
