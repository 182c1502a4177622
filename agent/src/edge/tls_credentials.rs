//! The agent's credentials: read on a thread of their own, watched, and warned of before they expire.

use super::clock::unix_ms;
use super::threads::{self, OneEach};
use crate::core::config::{Config, Listener, NamedListener};
use lastword_protocol::Millis;
use lastword_tls::{CertificateValidity, WatchedCredentials};
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The time between two looks at the files.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// The longest time for which a disk is waited for.
const DISK_LIMIT: Duration = Duration::from_secs(10);
/// The time between two warnings in the log.
const LOG_INTERVAL: Duration = Duration::from_hours(24);

/// Says for which reason the credentials of a directory cannot be used, or that they cannot for long, if a listener needs them.
/// Blocks.
#[must_use]
pub fn credentials_warning(config: &Config, directory: &Path) -> Option<String> {
    let is_tls = |named: &NamedListener| matches!(named.listener, Listener::Tls { .. });
    if !config.listen.iter().any(is_tls) {
        return None;
    }
    let credentials = match WatchedCredentials::read(directory) {
        Ok(credentials) => credentials.current(),
        Err(error) => return Some(format!("{error}; the agent waits for credentials")),
    };
    let validity = CertificateValidity::of(credentials.own().not_after_unix_s, now_s());
    if credentials.is_exposed() {
        return Some(format!("{}/{EXPOSED_KEY}", directory.display()));
    }
    let warning = || format!("{}: the certificate {validity}", directory.display());
    validity.is_short().then(warning)
}

/// The fault of a private key that is not private.
const EXPOSED_KEY: &str = "key.pem can be read by anybody on this machine: chmod 600 it";

/// The time until which this board's certificate is valid. Clones are the same.
#[derive(Clone, Debug)]
pub struct CertificateExpiry(Arc<AtomicI64>);

impl Default for CertificateExpiry {
    /// There is no certificate.
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl CertificateExpiry {
    /// Returns the time for which the certificate is still valid, if that is short enough to be warned of; zero if it has
    /// expired.
    #[must_use]
    pub fn left(&self) -> Option<Millis> {
        let validity = self.validity();
        validity
            .is_short()
            .then(|| Millis(validity.left_s().saturating_mul(1_000)))
    }

    fn validity(&self) -> CertificateValidity {
        CertificateValidity::of(self.0.load(Ordering::Relaxed), now_s())
    }

    fn note(&self, not_after_unix_s: i64) {
        self.0.store(not_after_unix_s, Ordering::Relaxed);
    }
}

/// Reads the credentials of a directory.
///
/// # Errors
///
/// The file, and its fault.
pub(super) async fn read_credentials(directory: &Path) -> io::Result<Arc<WatchedCredentials>> {
    let directory = directory.to_owned();
    let threads = OneEach::default();
    let read = threads::run(&threads, move || WatchedCredentials::read(&directory));
    let read = timeout(DISK_LIMIT, read).await;
    let read = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
    let read = read.map_err(|panicked| io::Error::other(panicked.to_string()))?;
    let credentials = read.map_err(|error| io::Error::other(error.to_string()))?;
    if credentials.current().is_exposed() {
        tracing::warn!(target: "tls", "{EXPOSED_KEY}");
    }
    Ok(Arc::new(credentials))
}

/// Reads credentials anew when their files change, and warns of their expiry.
pub(super) async fn watch_credentials(
    credentials: Arc<WatchedCredentials>,
    expiry: CertificateExpiry,
) -> Infallible {
    let threads = OneEach::default();
    let mut warned: Option<Instant> = None;
    loop {
        let own = credentials.current().own().clone();
        expiry.note(own.not_after_unix_s);
        let is_due = warned.is_none_or(|at| at.elapsed() >= LOG_INTERVAL);
        let validity = expiry.validity();
        if validity.is_short() && is_due {
            warned = Some(Instant::now());
            tracing::warn!(target: "tls", name = own.name, serial = own.serial,
                "the certificate of this board: {validity}; `lastword pki rotate` makes a new one");
        }
        sleep(LOOK_INTERVAL).await;
        let looked = credentials.clone();
        match threads::run(&threads, move || looked.refresh()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => {
                warned = None;
                let credentials = credentials.current();
                let name = &credentials.own().name;
                tracing::info!(target: "tls", name, "the credentials have changed, and are read anew");
            }
            Ok(Err(error)) => {
                tracing::warn!(target: "tls", %error, "the credentials have changed, and stay what they were");
            }
            Err(panicked) => {
                tracing::error!(target: "tls", %panicked, "the credentials were not read");
            }
        }
    }
}

fn now_s() -> i64 {
    i64::try_from(unix_ms() / 1_000).unwrap_or(i64::MAX)
}
