//! Checks against real ports and programs.

use super::*;
use lastword_generation::health_check::HttpUrl;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct NoServices;

impl ServiceHealth for NoServices {
    async fn check_service(&self, name: &str) -> Result<(), String> {
        Err(format!("no service is named {name}"))
    }
}

fn check(probe: HealthProbe, timeout_ms: u64) -> HealthCheck {
    HealthCheck {
        name: "check".to_owned(),
        probe,
        interval_ms: 1_000,
        timeout_ms,
        failures: 1,
    }
}

async fn run(probe: HealthProbe, timeout_ms: u64, tree: &Path) -> CheckResult {
    run_check(&check(probe, timeout_ms), tree, &NoServices).await
}

#[track_caller]
fn assert_failed(result: &CheckResult, expected: &str) {
    match result {
        CheckResult::Failed(why) => assert!(why.contains(expected), "{why}"),
        CheckResult::Passed => panic!("passed in place of {expected}"),
    }
}

/// A server that answers each connection with these bytes, and its URL.
async fn server(answer: &'static [u8]) -> HttpUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 256];
            // A reader that is gone is of no interest.
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
        }
    });
    HttpUrl::parse(&format!("http://{address}/health")).unwrap()
}

#[tokio::test]
async fn a_url_is_answered_with_a_status() {
    let tree = Path::new("/");
    let url = server(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(
        run(HealthProbe::Http(url), 5_000, tree).await,
        CheckResult::Passed
    );
    for (answer, expected) in [
        (&b"HTTP/1.1 503 Later\r\n\r\n"[..], "/health: status 503"),
        (b"SSH-2.0-x\r\n", "no HTTP status line"),
        (b"", "no HTTP status line"),
    ] {
        let url = server(answer).await;
        assert_failed(&run(HealthProbe::Http(url), 5_000, tree).await, expected);
    }
}

#[tokio::test]
async fn a_port_is_open_or_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tree = Path::new("/");
    let open = run(HealthProbe::Tcp(address), 5_000, tree).await;
    assert_eq!(open, CheckResult::Passed);
    drop(listener);
    let closed = run(HealthProbe::Tcp(address), 5_000, tree).await;
    assert_failed(&closed, "Connection refused");
}

#[tokio::test]
async fn a_program_answers_with_its_exit_code_and_runs_in_its_tree() {
    let tree = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\ntest -f marker && exit $1\n";
    fs::write(tree.path().join("test"), script).unwrap();
    fs::write(tree.path().join("marker"), "").unwrap();
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(tree.path().join("test"), mode).unwrap();
    let exec = |code: &str| HealthProbe::Exec(vec!["test".to_owned(), code.to_owned()]);
    assert_eq!(
        run(exec("0"), 10_000, tree.path()).await,
        CheckResult::Passed
    );
    let failed = run(exec("7"), 10_000, tree.path()).await;
    assert_failed(&failed, "test: exit status: 7");
    let gone = HealthProbe::Exec(vec!["gone".to_owned()]);
    assert_failed(&run(gone, 10_000, tree.path()).await, "gone: No such file");
}

#[tokio::test]
async fn a_check_without_an_answer_fails_in_its_time_and_its_program_ends() {
    let tree = tempfile::tempdir().unwrap();
    let number = tree.path().join("number");
    let script = format!("sleep 1000 & echo $! > {}; wait", number.display());
    let forever = ["/bin/sh", "-c", &script].map(str::to_owned).to_vec();
    let slow = run(HealthProbe::Exec(forever), 2_000, tree.path()).await;
    assert_failed(&slow, "no answer in 2000 ms");
    let number = fs::read_to_string(number).unwrap();
    let status = format!("/proc/{}/stat", number.trim());
    // Ended, and perhaps not yet waited for by whoever it was left to.
    let is_there = || {
        let state = fs::read_to_string(&status).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    let ended = async {
        while is_there() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), ended)
        .await
        .expect("it ends");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = HttpUrl::parse(&format!("http://{address}/")).unwrap();
    let slow = run(HealthProbe::Http(silent), 50, tree.path()).await;
    assert_failed(&slow, "no answer in 50 ms");
}

#[tokio::test]
async fn a_service_says_how_it_is() {
    let service = HealthProbe::Service("gw".to_owned());
    let result = run(service, 1_000, Path::new("/")).await;
    assert_failed(&result, "no service is named gw");
}

#[tokio::test]
async fn what_a_program_has_left_behind_ends_with_it() {
    let tree = tempfile::tempdir().unwrap();
    let script = "sleep 1000 & echo $! > left; exit 0";
    let program = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let result = run(HealthProbe::Exec(program), 5_000, tree.path()).await;
    assert_eq!(result, CheckResult::Passed);
    let left = fs::read_to_string(tree.path().join("left")).unwrap();
    let left = format!("/proc/{}/stat", left.trim());
    while fs::read_to_string(&left).is_ok_and(|stat| !stat.contains(") Z")) {
        tokio::task::yield_now().await;
    }
}
