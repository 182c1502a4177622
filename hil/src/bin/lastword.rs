//! The `lastword` command: asks a board from the desk.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    lastword_hil::command::main(std::env::args_os()).await
}
