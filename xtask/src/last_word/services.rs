//! A graceful reboot is in order: the acknowledgement has left, the services stop in reverse order,
//! hook first, and only when nothing of them is left the board is reset.

use anyhow::{Result, ensure};
use lastword_virtual::GuestFile;

/// Two services, one after the other, that say on the first UART how they are stopped.
pub(super) fn guest_files() -> [GuestFile; 2] {
    [file("disk", ""), file("app", "after \"disk\"")]
}

fn file(name: &str, more: &str) -> GuestFile {
    // A grandchild in a session of its own has to be gone, too.
    let script = format!(
        "trap 'echo service {name}: TERM > /dev/ttyS0; exit 0' TERM; \
         /bin/busybox setsid /bin/busybox sleep 1000 & \
         while :; do /bin/busybox sleep 1000 & wait $!; done"
    );
    let text = format!(
        "command \"/bin/sh\"\nargs \"-c\" \"{script}\"\n{more}\n\
         stop {{ hook \"echo service {name}: hook > /dev/ttyS0\"; grace \"1s\" }}\n"
    );
    GuestFile::text(format!("/etc/lastword/services/{name}.kdl"), text)
}

/// What the console shows of one graceful reboot, in this order.
const ORDER: [&str; 7] = [
    "acknowledged; released",
    "service app: hook",
    "service app: TERM",
    "service disk: hook",
    "service disk: TERM",
    "all services have stopped",
    // The next boot.
    "board1: up",
];

/// Holds what the console has shown since the request against [`ORDER`].
pub(super) fn check_order(console: &str) -> Result<()> {
    let mut rest = console;
    for mark in ORDER {
        let found = rest.split_once(mark);
        ensure!(found.is_some(), "no {mark:?} in its place:\n{console}");
        rest = found.map_or("", |(_, rest)| rest);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_is_not_kept_is_seen() {
        let kept = ORDER.join("\n");
        assert!(check_order(&kept).is_ok());
        for index in 1..ORDER.len() {
            let mut order = ORDER;
            order.swap(index - 1, index);
            assert!(check_order(&order.join("\n")).is_err(), "{index}");
        }
    }
}
