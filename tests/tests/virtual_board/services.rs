//! Services on a Linux board whose agent is a child of a plain init.

use super::exam;
use lastword_virtual::{GuestFile, Image, Options};

fn image() -> Image {
    exam::image([
        GuestFile::text("/etc/inittab", include_str!("services/inittab")),
        GuestFile::program("/etc/agent", include_str!("services/agent")),
        GuestFile::program("/etc/exam", include_str!("services/exam")),
        GuestFile::program("/etc/impostor", include_str!("services/impostor")),
        GuestFile::text(
            "/etc/lastword/services/one.kdl",
            include_str!("services/one.kdl"),
        ),
        GuestFile::text(
            "/etc/lastword/services/daemon.kdl",
            include_str!("services/daemon.kdl"),
        ),
    ])
}

#[tokio::test]
async fn a_cgroup_holds_all_of_a_service_and_a_number_given_away_again_is_never_signalled() {
    let directory = tempfile::tempdir().unwrap();
    let image = tokio::task::spawn_blocking(image).await.unwrap();
    exam::sit(image, Options::new(directory.path())).await;
}
