//! Where a board is: `tcp://host:7450`, `tls://host:7451`, `unix:///path` or `serial:///dev/ttyUSB0?baud=115200`.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

/// The TCP port of an agent that says nothing else.
pub const DEFAULT_PORT: u16 = 7450;

/// The port of a TLS listener that says nothing else.
pub const DEFAULT_TLS_PORT: u16 = 7451;

/// The speed of a serial line, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baud(pub NonZeroU32);

impl Baud {
    /// What a serial line runs at that says nothing else.
    pub const DEFAULT: Self = Self(NonZeroU32::new(115_200).expect("not zero"));
}

/// Where a board is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP listener.
    Tcp {
        /// Name or address; an IPv6 address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A TLS listener.
    Tls(TlsEndpoint),
    /// A Unix socket.
    Unix(PathBuf),
    /// A serial line, or a PTY that stands for one.
    Serial {
        /// The device.
        path: PathBuf,
        /// Its speed.
        baud: Baud,
    },
}

/// A TLS listener, and the means to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsEndpoint {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The name that its certificate has to be for; `None`: the host.
    pub name: Option<String>,
    /// The directory of this side's credentials; `None`: it has none, and cannot connect.
    pub credentials: Option<PathBuf>,
}

/// Why a text names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// The scheme is none of ours, or missing.
    #[error(
        "`{0}` is no endpoint: it begins with `tcp://`, `tls://`, `unix://` or `serial://`, \
         as in `tcp://10.0.0.7:7450`"
    )]
    Scheme(String),
    /// There is no host, or it is not followed by a port.
    #[error("`{0}` is no host and port: write `tcp://HOST`, `tcp://HOST:PORT` or `tcp://[IPV6]`")]
    HostPort(String),
    /// The option of a TLS listener is not `name=` and a name.
    #[error("`?{0}` is no option of TLS: write `?name=NAME`, the name in the board's certificate")]
    TlsOption(String),
    /// The path is missing or relative.
    #[error("`{0}` is no absolute path: write three slashes, as in `unix:///run/board.sock`")]
    Path(String),
    /// What follows the `?` of a serial line is not `baud=` and a number.
    #[error("`?{0}` is no serial option: write `?baud=115200`")]
    SerialOption(String),
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let unknown = || BadEndpoint::Scheme(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(unknown)?;
        match scheme {
            "tcp" => {
                let (host, port) = host_and_port(rest, DEFAULT_PORT)?;
                Ok(Self::Tcp { host, port })
            }
            "tls" => tls(rest).map(Self::Tls),
            "unix" => absolute(rest).map(Self::Unix),
            "serial" => serial(rest),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp://{}:{port}", BracketedHost(host)),
            Self::Tls(tls) => {
                write!(f, "tls://{}:{}", BracketedHost(&tls.host), tls.port)?;
                match &tls.name {
                    Some(name) => write!(f, "?name={name}"),
                    None => Ok(()),
                }
            }
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Serial { path, baud } => {
                write!(f, "serial://{}?baud={}", path.display(), baud.0)
            }
        }
    }
}

/// A host as it stands in front of a port.
struct BracketedHost<'h>(&'h str);

impl fmt::Display for BracketedHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(self.0)
        }
    }
}

fn tls(rest: &str) -> Result<TlsEndpoint, BadEndpoint> {
    let (rest, options) = match rest.split_once('?') {
        Some((rest, options)) => (rest, Some(options)),
        None => (rest, None),
    };
    let (host, port) = host_and_port(rest, DEFAULT_TLS_PORT)?;
    let name = match options {
        None => None,
        Some(options) => {
            let name = options.strip_prefix("name=").filter(|it| !it.is_empty());
            let name = name.ok_or_else(|| BadEndpoint::TlsOption(options.to_owned()))?;
            Some(name.to_owned())
        }
    };
    Ok(TlsEndpoint {
        host,
        port,
        name,
        credentials: None,
    })
}

fn host_and_port(rest: &str, default_port: u16) -> Result<(String, u16), BadEndpoint> {
    let bad = || BadEndpoint::HostPort(rest.to_owned());
    let (host, port) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').ok_or_else(bad)?,
        None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().map_err(|_| bad())?,
        None if port.is_empty() => default_port,
        None => return Err(bad()),
    };
    if host.is_empty() || host.contains('/') {
        return Err(bad());
    }
    Ok((host.to_owned(), port))
}

fn serial(rest: &str) -> Result<Endpoint, BadEndpoint> {
    let (path, options) = match rest.split_once('?') {
        Some((path, options)) => (path, Some(options)),
        None => (rest, None),
    };
    let baud = match options {
        None => Baud::DEFAULT,
        Some(options) => options
            .strip_prefix("baud=")
            .and_then(|digits| digits.parse().ok())
            .map(Baud)
            .ok_or_else(|| BadEndpoint::SerialOption(options.to_owned()))?,
    };
    let path = absolute(path)?;
    Ok(Endpoint::Serial { path, baud })
}

fn absolute(path: &str) -> Result<PathBuf, BadEndpoint> {
    if path.starts_with('/') {
        Ok(PathBuf::from(path))
    } else {
        Err(BadEndpoint::Path(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An endpoint is written in full as `expected`; a refusal is told by its text's beginning.
    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let read = text.parse::<Endpoint>();
        match (read, expected) {
            (Ok(endpoint), Ok(written)) => assert_eq!(endpoint.to_string(), written, "{text}"),
            (Err(error), Err(start)) => {
                assert!(error.to_string().starts_with(start), "{text}: {error}");
            }
            (read, _) => panic!("{text}: {read:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        check("tcp://board", Ok("tcp://board:7450"));
        check("tcp://10.0.0.7:80", Ok("tcp://10.0.0.7:80"));
        check("tcp://[::1]", Ok("tcp://[::1]:7450"));
        check("tcp://[::1]:80", Ok("tcp://[::1]:80"));
        check("tls://gw-17.lab", Ok("tls://gw-17.lab:7451"));
        check("tls://[::1]:80", Ok("tls://[::1]:80"));
        check(
            "tls://10.0.0.7?name=gw-17",
            Ok("tls://10.0.0.7:7451?name=gw-17"),
        );
        check("unix:///run/a.sock", Ok("unix:///run/a.sock"));
        check("serial:///dev/ttyS0", Ok("serial:///dev/ttyS0?baud=115200"));
        check(
            "serial:///dev/ttyS0?baud=9600",
            Ok("serial:///dev/ttyS0?baud=9600"),
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        check("board:7450", Err("`board:7450` is no endpoint"));
        check("http://board", Err("`http://board` is no endpoint"));
        check("tls://", Err("`"));
        check("tls://a?ca=b", Err("`?ca=b` is no option of TLS"));
        check("tls://a?name=", Err("`?name=` is no option of TLS"));
        for rest in [
            "",
            ":7450",
            "a:b",
            "a:65536",
            "a/b",
            "[::1",
            "[::1]7450",
            "::1",
        ] {
            check(&format!("tcp://{rest}"), Err("`"));
        }
        check("unix://run/a.sock", Err("`run/a.sock` is no absolute path"));
        check("serial://ttyS0", Err("`ttyS0` is no absolute path"));
        for option in ["", "baud=", "baud=0", "baud=fast", "parity=odd"] {
            check(&format!("serial:///dev/ttyS0?{option}"), Err("`?"));
        }
    }
}
