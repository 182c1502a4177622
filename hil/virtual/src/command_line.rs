//! How QEMU and the kernel in it are told what board to be. Text only.
//!
//! File names are relative to the board's directory, which is where QEMU runs: so they are short
//! enough for socket addresses and need no quoting.

use std::path::Path;

use crate::machine::UART;
use crate::options::{Network, Options};

/// QEMU's program.
pub(crate) const QEMU: &str = "qemu-system-x86_64";
/// The file in which QEMU finds the board's first file system.
pub(crate) const INITRD: &str = "initrd";
/// The file that is the board's disk.
pub(crate) const DISK: &str = "disk.img";
/// The file with the text of the board's first UART.
pub(crate) const CONSOLE: &str = "console.log";
/// The tap device's name in its namespace.
pub(crate) const TAP: &str = "board";
/// The TCP port on which the board's agent listens.
pub(crate) const AGENT_PORT: u16 = 7450;

/// Returns QEMU's arguments beyond what every machine has; `host_port` is the port of 127.0.0.1 that leads to the agent on the
/// user network, 0 for any free one.
pub(crate) fn qemu_arguments(kernel: &Path, options: &Options, host_port: u16) -> Vec<String> {
    let memory = options.memory_mib.to_string();
    let kernel = kernel.to_string_lossy();
    let command_line = kernel_command_line(options);
    let network = network_backend(options.network, host_port);
    let arguments = [
        // The usual firmware resets once or twice more after each reset, 50 ms apart: no event
        // would stand for one reset of the board.
        ["-bios", "qboot.rom"],
        // Random numbers at once: without an instruction for them, getrandom(2) waits for noise.
        ["-cpu", "qemu64,+rdrand"],
        ["-m", &memory],
        ["-kernel", &kernel],
        ["-initrd", INITRD],
        ["-append", &command_line],
        ["-serial", &format!("file:{CONSOLE}")],
        ["-serial", UART],
        ["-drive", &format!("file={DISK},if=virtio,format=raw")],
        ["-netdev", &network],
        ["-device", "virtio-net-pci,netdev=network,romfile="],
    ];
    arguments
        .as_flattened()
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Returns the kernel's command line. `reboot=t` resets by triple fault, which QEMU is fastest at.
fn kernel_command_line(options: &Options) -> String {
    let mut words = vec!["quiet panic=1 reboot=t".to_owned()];
    match options.noise {
        None => words.push("console=ttyS0,115200".to_owned()),
        Some(pause) => {
            // The kernel takes one console per driver, so with its console on the agent's UART
            // only the early console can go on writing to the log, by I/O port.
            words.push("console=ttyS1,115200".to_owned());
            words.push("earlycon=uart8250,io,0x3f8,115200 keep_bootcon".to_owned());
            // Without this the kernel drops all but ten userland messages in five seconds.
            words.push("printk.devkmsg=on".to_owned());
            words.push(format!("lastword.noise={}", pause.as_millis().max(1)));
        }
    }
    // A parameter that the kernel does not know, and without a dot, is init's environment.
    words.extend(
        options
            .log_filter
            .iter()
            .map(|filter| format!("RUST_LOG={filter}")),
    );
    words.join(" ")
}

fn network_backend(network: Network, host_port: u16) -> String {
    match network {
        Network::User => {
            format!("user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:{host_port}-:{AGENT_PORT}")
        }
        Network::Tap => format!("tap,id=network,ifname={TAP},script=no,downscript=no"),
    }
}

/// Returns the port of 127.0.0.1 in QEMU's answer to `info usernet`.
pub(crate) fn forwarded_port(usernet: &str) -> Option<u16> {
    let forward = usernet
        .lines()
        .find(|line| line.contains("TCP[HOST_FORWARD]"))?;
    // Protocol[State], FD, source address, port, destination address, port, queues.
    forward.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[track_caller]
    fn check_kernel(change: impl FnOnce(&mut Options), expected: &str) {
        let mut options = Options::new("board");
        change(&mut options);
        assert_eq!(kernel_command_line(&options), expected, "of {options:?}");
    }

    #[test]
    fn a_quiet_board_keeps_the_kernel_off_the_agents_uart() {
        check_kernel(|_| (), "quiet panic=1 reboot=t console=ttyS0,115200");
    }

    #[test]
    fn a_noisy_board_has_its_console_on_the_agents_uart() {
        let noisy = "quiet panic=1 reboot=t console=ttyS1,115200 \
                     earlycon=uart8250,io,0x3f8,115200 keep_bootcon printk.devkmsg=on";
        let expected = |pause: &str| format!("{noisy} lastword.noise={pause}");
        check_kernel(
            |o| o.noise = Some(Duration::from_millis(50)),
            &expected("50"),
        );
        check_kernel(|o| o.noise = Some(Duration::ZERO), &expected("1"));
    }

    #[test]
    fn the_log_filter_becomes_the_agents_environment() {
        check_kernel(
            |options| options.log_filter = Some("info,power=debug".to_owned()),
            "quiet panic=1 reboot=t console=ttyS0,115200 RUST_LOG=info,power=debug",
        );
    }

    #[track_caller]
    fn check_qemu(options: &Options, expected: [&str; 2]) {
        let arguments = qemu_arguments(Path::new("/kernel, old"), options, 7);
        let found = arguments.windows(2).any(|pair| pair == expected);
        assert!(found, "{expected:?} is not in {arguments:?}");
    }

    #[test]
    fn the_user_network_is_closed_but_for_the_agent() {
        let network = "user,id=network,restrict=on,hostfwd=tcp:127.0.0.1:7-:7450";
        check_qemu(&Options::new("board"), ["-netdev", network]);
    }

    #[test]
    fn a_tap_is_made_by_us_and_not_by_qemus_scripts() {
        let options = Options {
            network: Network::Tap,
            ..Options::new("board")
        };
        check_qemu(
            &options,
            [
                "-netdev",
                "tap,id=network,ifname=board,script=no,downscript=no",
            ],
        );
    }

    #[test]
    fn the_boards_path_is_in_no_argument_that_has_commas() {
        let options = Options {
            memory_mib: 300,
            ..Options::new("a,b")
        };
        check_qemu(&options, ["-kernel", "/kernel, old"]);
        check_qemu(&options, ["-m", "300"]);
        check_qemu(&options, ["-drive", "file=disk.img,if=virtio,format=raw"]);
    }

    #[test]
    fn the_forwarded_port_is_the_host_side_one() {
        let usernet = "Hub -1 (network):\r\n  Protocol[State]    FD  Source Address  Port   Dest. \
                       Address  Port RecvQ SendQ\r\n  TCP[HOST_FORWARD]   9       127.0.0.1 33905  \
                       \x20   10.0.2.15  7450     0     0\r\n";
        assert_eq!(forwarded_port(usernet), Some(33905));
        assert_eq!(forwarded_port("Hub -1 (network):\r\n"), None);
    }
}
