//! One run of a health check.

mod http;
mod program;

pub(super) use program::{PROGRAM_PATH, ProgramGroup};

use crate::core::generation::soak::CheckResult;
use lastword_generation::health_check::{HealthCheck, HealthProbe};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The state of services, as a check asks for it.
pub trait ServiceHealth {
    /// Returns whether a service is running, and ready if it has a readiness probe; the reason if it is not.
    ///
    /// # Errors
    ///
    /// The state that it is in, or that there is no such service.
    fn check_service(&self, name: &str) -> impl Future<Output = Result<(), String>> + Send;
}

/// Runs a check once, for a generation whose tree is at `tree`. Cancel-safe: a program that it has started is ended.
pub async fn run_check<S: ServiceHealth + Sync>(
    check: &HealthCheck,
    tree: &Path,
    services: &S,
) -> CheckResult {
    let limit = Duration::from_millis(check.timeout_ms);
    let asked = async {
        match &check.probe {
            HealthProbe::Tcp(address) => connect(*address).await.map(drop),
            HealthProbe::Http(url) => http::get(url).await,
            HealthProbe::Exec(command) => program::run(command, tree).await,
            HealthProbe::Service(name) => services.check_service(name).await,
        }
    };
    match timeout(limit, asked).await {
        Ok(Ok(())) => CheckResult::Passed,
        Ok(Err(why)) => CheckResult::Failed(why),
        Err(_) => CheckResult::Failed(format!("no answer in {} ms", check.timeout_ms)),
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let connected = TcpStream::connect(address).await;
    connected.map_err(|error| format!("cannot connect to {address}: {}", reason(&error)))
}

/// Returns the system's words for an error.
fn reason(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |number| io::Error::from_raw_os_error(number).to_string(),
    )
}

#[cfg(test)]
mod tests;
