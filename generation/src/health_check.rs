//! Health checks: what has to be so for a generation to be kept.

use crate::TreePath;
use lastword_protocol::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// The longest name of a check, in bytes.
pub const CHECK_NAME_BYTES_MAX: usize = 32;
/// The most checks of a generation.
pub const CHECKS_MAX: usize = 32;
/// The shortest and longest time between two runs of a check.
pub const CHECK_INTERVALS: [Millis; 2] = [Millis(100), Millis(3_600_000)];
/// The shortest and longest time that one run of a check may take.
pub const CHECK_TIMEOUTS: [Millis; 2] = [Millis(10), Millis(600_000)];
/// The most failures in a row that a check may be allowed.
pub const CHECK_FAILURES_MAX: u32 = 1_000;
/// The most arguments of a program, its name included.
const ARGUMENTS_MAX: usize = 64;

/// A question that is asked again and again while a generation soaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HealthCheck {
    /// The name under which `gen status` shows it.
    pub name: String,
    /// The way to ask.
    pub probe: HealthProbe,
    /// The time from the end of one run to the next.
    pub interval_ms: u64,
    /// The time after which a run has failed.
    pub timeout_ms: u64,
    /// The number of failures in a row that fail the soak.
    pub failures: u32,
}

/// A way to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthProbe {
    /// A TCP connection to the address is accepted.
    Tcp(SocketAddr),
    /// `GET` of the URL is answered with a status from 200 to 299.
    Http(HttpUrl),
    /// The program exits with 0. A path that does not begin with `/` is one of the generation's.
    Exec(Vec<String>),
    /// The service is running, and ready if it has a readiness probe.
    Service(String),
}

const SCHEME: &str = "http://";

/// A URL of the kind that a board's own programs serve: `http://ADDRESS[:PORT]/PATH`, with a number for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpUrl {
    address: SocketAddr,
    text: String,
    /// The offset of the path in the text.
    path: usize,
}

impl HttpUrl {
    /// Reads a URL; `None` if it is of another form. Names are not looked up: a check must not depend on that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(SCHEME)?;
        let at = rest.find('/')?;
        let (host, path) = rest.split_at(at);
        let with_port = || format!("{host}:80").parse();
        let address = host.parse().or_else(|_| with_port()).ok()?;
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain.then(|| Self {
            address,
            text: text.to_owned(),
            path: SCHEME.len() + at,
        })
    }

    /// The address of the server.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The path, with its query; it begins with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.path..).unwrap_or_default()
    }
}

impl HealthCheck {
    /// Returns what is wrong with the check, if anything is.
    pub(crate) fn fault(&self) -> Option<String> {
        let [interval_least, interval_most] = CHECK_INTERVALS;
        let [timeout_least, timeout_most] = CHECK_TIMEOUTS;
        let is_name_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let has_plain_name = (1..=CHECK_NAME_BYTES_MAX).contains(&self.name.len())
            && self.name.bytes().all(is_name_plain);
        if !has_plain_name {
            return Some("a name is 1 to 32 of the letters a-z A-Z 0-9 - _ .".into());
        }
        if !(interval_least.0..=interval_most.0).contains(&self.interval_ms) {
            return Some(format!(
                "interval is not from {interval_least} to {interval_most}"
            ));
        }
        if !(timeout_least.0..=timeout_most.0).contains(&self.timeout_ms) {
            return Some(format!(
                "timeout is not from {timeout_least} to {timeout_most}"
            ));
        }
        if !(1..=CHECK_FAILURES_MAX).contains(&self.failures) {
            return Some(format!("failures is not from 1 to {CHECK_FAILURES_MAX}"));
        }
        match &self.probe {
            HealthProbe::Exec(command) => exec_fault(command),
            HealthProbe::Service(name) if !is_service_name(name) => {
                Some("service: a service's name is 1 to 32 of the letters a-z 0-9 - _".into())
            }
            HealthProbe::Tcp(address) if address.port() == 0 => Some("tcp: port 0 is none".into()),
            HealthProbe::Http(url) if url.address.port() == 0 => {
                Some("http: port 0 is none".into())
            }
            HealthProbe::Tcp(_) | HealthProbe::Http(_) | HealthProbe::Service(_) => None,
        }
    }

    /// Returns the program that the check runs, if it is one of the generation's.
    #[must_use]
    pub fn own_program(&self) -> Option<TreePath> {
        match &self.probe {
            HealthProbe::Exec(command) => TreePath::new(command.first()?.as_str()).ok(),
            HealthProbe::Tcp(_) | HealthProbe::Http(_) | HealthProbe::Service(_) => None,
        }
    }
}

fn is_service_name(name: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=SERVICE_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

/// The longest name of a service, in bytes.
const SERVICE_NAME_BYTES_MAX: usize = 32;

fn exec_fault(command: &[String]) -> Option<String> {
    let Some(program) = command.first() else {
        return Some("exec has no program".into());
    };
    if command.len() > ARGUMENTS_MAX {
        return Some(format!("exec has over {ARGUMENTS_MAX} arguments"));
    }
    if command.iter().any(|argument| argument.contains('\0')) {
        return Some("exec has a NUL".into());
    }
    if program.starts_with('/') {
        return None;
    }
    let error = TreePath::new(program.as_str()).err()?;
    Some(format!("exec: {error}"))
}

impl TryFrom<String> for HttpUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text).ok_or("a URL is http://ADDRESS[:PORT]/PATH with a number for an address")
    }
}

impl From<HttpUrl> for String {
    fn from(url: HttpUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for HealthProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp {address}"),
            Self::Http(url) => write!(f, "http {url}"),
            Self::Exec(command) => write!(f, "exec {}", command.join(" ")),
            Self::Service(name) => write!(f, "service {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_an_address_by_its_number() {
        for (text, expected) in [
            (
                "http://127.0.0.1:8080/health?deep=1",
                Some("http://127.0.0.1:8080/health?deep=1"),
            ),
            ("http://127.0.0.1/", Some("http://127.0.0.1/")),
            ("http://127.0.0.1", None),
            ("http://[::1]:81/x", Some("http://[::1]:81/x")),
            ("http://localhost/x", None),
            ("https://127.0.0.1/x", None),
            ("http://127.0.0.1/a b", None),
            ("http://127.0.0.1/a\r\nHost: x", None),
            ("http://127.0.0.1:99999/", None),
        ] {
            let url = HttpUrl::parse(text).map(String::from);
            assert_eq!(url.as_deref(), expected, "{text}");
        }
    }
}
