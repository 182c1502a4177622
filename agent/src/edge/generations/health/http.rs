//! A GET over HTTP/1.0 (RFC 1945): its status line is all that is looked at.

use super::{connect, reason};
use lastword_generation::health_check::HttpUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The longest status line that is read, in bytes.
const STATUS_LINE_MAX_BYTES: u64 = 512;

/// Asks for a URL.
///
/// # Errors
///
/// The status that is not from 200 to 299, or the reason why there is none.
pub(super) async fn get(url: &HttpUrl) -> Result<(), String> {
    let mut stream = connect(url.address()).await?;
    let (path, host) = (url.path(), url.address());
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.map_err(|error| format!("{url}: {}", reason(&error)))?;
    let mut line = Vec::new();
    let mut limited = stream.take(STATUS_LINE_MAX_BYTES);
    loop {
        let read = limited.read_buf(&mut line).await;
        let length = read.map_err(|error| format!("{url}: {}", reason(&error)))?;
        if length == 0 || line.contains(&b'\n') {
            break;
        }
    }
    match status(&line) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(format!("{url}: status {status}")),
        None => Err(format!("{url}: no HTTP status line")),
    }
}

/// Reads the status of a line such as `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let line = line.split(|byte| *byte == b'\n').next()?;
    let line = str::from_utf8(line).ok()?.trim_end();
    let rest = line.strip_prefix("HTTP/1.")?.get(1..)?.strip_prefix(' ')?;
    let digits = rest.get(..3)?;
    let is_alone = rest
        .get(3..)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_alone && is_plain)
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_line_has_three_digits() {
        for (line, expected) in [
            ("HTTP/1.1 200 OK\r\nServer: x", Some(200)),
            ("HTTP/1.0 204\r\n", Some(204)),
            ("HTTP/1.1 503 Service Unavailable\n", Some(503)),
            ("HTTP/1.1 2000 OK\r\n", None),
            ("HTTP/1.1 20 OK\r\n", None),
            ("HTTP/2 200\r\n", None),
            ("ok\n", None),
            ("", None),
        ] {
            assert_eq!(status(line.as_bytes()), expected, "{line:?}");
        }
    }
}
