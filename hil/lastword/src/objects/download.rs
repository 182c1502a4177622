//! `gen import`: a generation from a file or a server to the board.
//!
//! What comes from a server goes into a file of the user's cache first. A connection that breaks, and a command that is
//! repeated, go on where the file ends (RFC 9110, Range and If-Range); one that is there already is only asked about.

use super::shown_progress::ShownProgress;
use super::{FRUITLESS, ObjectTransfer, PAUSE, unusable};
use crate::Exit;
use crate::generation::{self, ImportOptions};
use crate::trouble::Trouble;
use crate::user_cache;
use lastword_client::client::TransferProgress;
use lastword_protocol::refusal::Code;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use ureq::RequestBuilder;
use ureq::http::{HeaderMap, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::typestate::WithoutBody;

/// The beginnings of addresses.
const SCHEMES: [&str; 2] = ["http://", "https://"];
/// The longest time for a connection, and from a request to its answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The longest time without a byte.
const STALL_LIMIT: Duration = Duration::from_mins(1);
/// The bytes that are read at once.
const STEP_BYTES: usize = 64 << 10;
/// The most bytes that the fetched files take together. The oldest make room.
const CACHE_BYTES_MAX: u64 = 1 << 30;

/// A file that is fetched from a server.
struct FileDownload {
    url: String,
    /// The whole file.
    path: PathBuf,
    /// As much of it as has arrived.
    part: PathBuf,
    /// The tag or time by which the server tells what the files are.
    validator: PathBuf,
}

/// A reason why a file does not arrive.
#[derive(Debug)]
enum DownloadError {
    /// The server says no, or something that cannot be used: again it would say the same.
    Refused(Code, String),
    /// The connection failed.
    Lost(String),
    /// The file here cannot be read or written.
    Local(io::Error),
}

/// The way of a download as it is told.
type DownloadProgress = watch::Sender<TransferProgress>;

impl ObjectTransfer<'_> {
    /// Moves a generation from wherever it is to the board.
    pub(super) async fn import(&mut self, options: &ImportOptions) -> Result<(), Trouble> {
        let source = &options.source;
        if SCHEMES.iter().any(|scheme| source.starts_with(scheme)) {
            let download = FileDownload::new(source)?;
            self.download(&download).await?;
            if let Err((code, detail, exit)) = generation::open(&download.path) {
                // Another attempt must not find it here.
                let _ = fs::remove_file(&download.path);
                let fault = detail.strip_prefix(&*download.path.display().to_string());
                let detail = format!("{source}{}", fault.unwrap_or(&detail));
                return Err((code, detail, exit));
            }
            let pushed = self.push(&download.path, &options.moving).await;
            if matches!(&pushed, Err((Code::BadValue, ..))) {
                // What is damaged here, too, is fetched anew the next time.
                let _ = fs::remove_file(&download.path);
            }
            return pushed;
        }
        if source.contains("://") && !Path::new(source).exists() {
            let detail = format!("{source}: a file, http:// or https:// is taken");
            return Err((Code::BadValue, detail, Exit::Usage));
        }
        self.push(Path::new(source), &options.moving).await
    }

    /// Fetches a file, over as many connections as it takes.
    async fn download(&mut self, download: &FileDownload) -> Result<(), Trouble> {
        let mut shown = ShownProgress::new(self.reader, self.order.quiet);
        let (mut done, mut fruitless) = (0, 0);
        loop {
            let (progress, mut watched) = watch::channel(TransferProgress::default());
            let (tell, mut told) = oneshot::channel();
            let running = download.clone_paths();
            std::thread::spawn(move || {
                // Whoever asked may wait for it no more.
                let _ = tell.send(running.fetch(&progress));
            });
            let ended = loop {
                tokio::select! {
                    biased;
                    ended = &mut told => {
                        break ended.unwrap_or_else(|_| Err(DownloadError::Lost("no thread".into())));
                    }
                    changed = tokio::time::timeout(STALL_LIMIT, watched.changed()) => match changed {
                        Ok(Ok(())) => {
                            let progress = *watched.borrow_and_update();
                            if done < progress.done {
                                (done, fruitless) = (progress.done, 0);
                            }
                            shown.note(progress);
                        }
                        // It ends, as it will tell.
                        Ok(Err(_)) => tokio::time::sleep(PAUSE).await,
                        Err(_) => return Err(stalled(&download.url)),
                    },
                }
            };
            // What came just before its end counts, too.
            let last = watched.borrow().done;
            if done < last {
                (done, fruitless) = (last, 0);
            }
            fruitless += 1;
            let detail = match ended {
                Ok(()) => {
                    shown.finish();
                    return Ok(());
                }
                Err(DownloadError::Local(error)) => return Err(unusable(&download.part, &error)),
                Err(DownloadError::Refused(code, detail)) => {
                    let detail = format!("{}: {detail}", download.url);
                    return Err((code, detail, Exit::No));
                }
                Err(DownloadError::Lost(detail)) => format!("{}: {detail}", download.url),
            };
            if fruitless == FRUITLESS {
                return Err((Code::Offline, detail, Exit::Unreachable));
            }
            self.note(&format!("{detail}; trying again"));
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl FileDownload {
    fn new(url: &str) -> Result<Self, Trouble> {
        let directory = user_cache::open("downloads").ok_or_else(|| {
            let detail = "there is no directory for caches: fetch the file, and import that";
            (Code::BadValue, detail.to_owned(), Exit::Usage)
        })?;
        let name = lastword_protocol::ObjectHash(Sha256::digest(url).into()).to_string();
        let place = |suffix: &str| directory.join(format!("{name}.{suffix}"));
        // Too much is kept until the next time.
        let _ = user_cache::trim(&directory, CACHE_BYTES_MAX);
        Ok(Self {
            url: url.to_owned(),
            path: place("gen"),
            part: place("part"),
            validator: place("validator"),
        })
    }

    fn clone_paths(&self) -> Self {
        Self {
            url: self.url.clone(),
            path: self.path.clone(),
            part: self.part.clone(),
            validator: self.validator.clone(),
        }
    }

    /// Fetches what is missing of the file, by one request. Blocks.
    fn fetch(&self, progress: &DownloadProgress) -> Result<(), DownloadError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true);
        let mut file = file.open(&self.part)?;
        if file.try_lock().is_err() {
            let fault = "it is being fetched already".to_owned();
            return Err(DownloadError::Refused(Code::Busy, fault));
        }
        let fetched = self.fetch_into(&mut file, progress);
        if fetched.is_err() && file.metadata()?.len() == 0 {
            // Nothing has arrived: nothing is left.
            fs::remove_file(&self.part)?;
        }
        fetched
    }

    fn fetch_into(
        &self,
        file: &mut File,
        progress: &DownloadProgress,
    ) -> Result<(), DownloadError> {
        let here = file.metadata()?.len();
        let request = self.request(here);
        let mut response = request.call().map_err(|error| not_answered(&error))?;
        let headers = response.headers();
        let from = match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(fs::remove_file(&self.part)?),
            StatusCode::PARTIAL_CONTENT if begins_at(headers, here) => here,
            StatusCode::OK => 0,
            StatusCode::RANGE_NOT_SATISFIABLE => {
                // What is here is no beginning of what is there.
                file.set_len(0)?;
                return Err(DownloadError::Lost("the file has changed".to_owned()));
            }
            status => return Err(refused(status)),
        };
        if from == 0 {
            file.set_len(0)?;
            self.keep_validator(headers)?;
        }
        let length = text(headers, header::CONTENT_LENGTH).and_then(|it| it.parse::<u64>().ok());
        let size = length.map(|length| from + length);
        let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut bytes = vec![0; STEP_BYTES];
        let mut done = from;
        loop {
            let size = size.unwrap_or(done);
            progress.send_replace(TransferProgress {
                from,
                done,
                size,
                sent_again: 0,
            });
            let count = body.read(&mut bytes);
            let count = count.map_err(|error| DownloadError::Lost(error.to_string()))?;
            if count == 0 {
                break;
            }
            file.write_all(&bytes[..count])?;
            done += count as u64;
        }
        if size.is_some_and(|size| size != done) {
            let fault = format!("it ends behind {done} bytes");
            return Err(DownloadError::Lost(fault));
        }
        file.sync_all()?;
        Ok(fs::rename(&self.part, &self.path)?)
    }

    /// The request for what is missing behind `here`, or for news of what is there.
    fn request(&self, here: u64) -> RequestBuilder<WithoutBody> {
        let request = agent().get(&self.url);
        let Ok(validator) = fs::read_to_string(&self.validator) else {
            return request;
        };
        let is_whole = here == 0 && self.path.exists();
        if here > 0 && !validator.starts_with("W/") {
            let range = format!("bytes={here}-");
            let request = request.header(header::RANGE, range);
            request.header(header::IF_RANGE, validator)
        } else if is_whole && validator.ends_with('"') {
            request.header(header::IF_NONE_MATCH, validator)
        } else if is_whole {
            request.header(header::IF_MODIFIED_SINCE, validator)
        } else {
            request
        }
    }

    /// Takes note of what tells this file from a later one at the same address.
    fn keep_validator(&self, headers: &HeaderMap) -> io::Result<()> {
        let tag = text(headers, header::ETAG);
        match tag.or_else(|| text(headers, header::LAST_MODIFIED)) {
            Some(validator) => fs::write(&self.validator, validator),
            None => match fs::remove_file(&self.validator) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        }
    }
}

impl From<io::Error> for DownloadError {
    fn from(error: io::Error) -> Self {
        Self::Local(error)
    }
}

/// Returns what is said of a server that sends nothing any more.
fn stalled(url: &str) -> Trouble {
    let limit = STALL_LIMIT.as_secs();
    let detail = format!("{url}: no byte for {limit} s");
    (Code::Timeout, detail, Exit::Unreachable)
}

fn agent() -> ureq::Agent {
    // Whom the system trusts, for servers with an authority of their own.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(ANSWER_LIMIT))
        .timeout_recv_response(Some(ANSWER_LIMIT))
        .user_agent(concat!("lastword/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build());
    config.build().into()
}

/// Returns what is said of a server that did not answer.
fn not_answered(error: &ureq::Error) -> DownloadError {
    let said = match error {
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    match error {
        // Again it would say the same.
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::Tls(_)
        | ureq::Error::TooManyRedirects => DownloadError::Refused(Code::BadValue, said),
        // A certificate that is not trusted.
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            DownloadError::Refused(Code::NotAllowed, said)
        }
        _ => DownloadError::Lost(said),
    }
}

/// Returns what is said of an answer that has no file.
fn refused(status: StatusCode) -> DownloadError {
    let said = format!("HTTP status {status}");
    let code = match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Code::Unknown,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Code::NotAllowed,
        _ if status.is_server_error() => return DownloadError::Lost(said),
        _ => Code::BadValue,
    };
    DownloadError::Refused(code, said)
}

/// Returns whether a part of a file begins where it was wanted from.
fn begins_at(headers: &HeaderMap, offset: u64) -> bool {
    let range = text(headers, header::CONTENT_RANGE);
    range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}
