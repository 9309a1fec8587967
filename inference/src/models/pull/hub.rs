//! One file over HTTP, from where the last attempt stopped.

use std::io::Read;
use std::time::Duration;

use super::{PullEvent, Pulling, SourceError};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A source that cannot be connected to for this long is passed over.
    pub connect: Duration,
    /// The same for its answer, which a store behind redirects may have to look for.
    pub answer: Duration,
    /// A connection that brings nothing for this long is given up.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { connect: Duration::from_secs(5), answer: Duration::from_secs(10), stall: Duration::from_secs(20) }
    }
}

/// How often a connection that broke off after bringing something is made again.
const RETRIES: usize = 3;

pub(super) fn fetch(pulling: &Pulling<'_>, url: &str, progress: &mut dyn FnMut(PullEvent)) -> Result<(), SourceError> {
    let mut retries = RETRIES;
    loop {
        let before = pulling.have()?;
        match attempt(pulling, url, before, progress) {
            Err(SourceError::Useless(reason)) => {
                // Progress is worth another try, silence is not.
                if pulling.have()? <= before || retries == 0 {
                    return Err(SourceError::Useless(reason));
                }
                tracing::info!("{url} broke off ({reason}); trying again");
                retries -= 1;
            }
            other => return other,
        }
    }
}

fn attempt(
    pulling: &Pulling<'_>,
    url: &str,
    have: u64,
    progress: &mut dyn FnMut(PullEvent),
) -> Result<(), SourceError> {
    let whole = pulling.model.bytes;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(pulling.patience.connect))
        .timeout_connect(Some(pulling.patience.connect))
        .timeout_recv_response(Some(pulling.patience.answer))
        .timeout_per_read(Some(pulling.patience.stall))
        .http_status_as_error(false)
        .user_agent(concat!("halfline/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = agent.get(url).header("Accept-Encoding", "identity");
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = request.call().map_err(|error| SourceError::Useless(explain(&error)))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let start = match response.status().as_u16() {
        200 => 0,
        206 => match header("content-range").as_deref().and_then(parse_content_range) {
            Some((start, total)) if start == have && total.is_none_or(|total| total == whole) => start,
            Some((_, Some(total))) if total != whole => return Err(wrong_size(total, whole)),
            _ => return Err(SourceError::Useless("it sent another range than the one asked for".to_owned())),
        },
        status => return Err(SourceError::Useless(format!("it answered with HTTP status {status}"))),
    };
    let length = header("content-length").and_then(|text| text.parse::<u64>().ok());
    if let Some(length) = length
        && start + length != whole
    {
        return Err(wrong_size(start + length, whole));
    }
    pulling.check_room(whole - start)?;
    let mut part = pulling.open_part(start)?;
    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; 1 << 18];
    while part.have < whole {
        let count =
            body.read(&mut buffer).map_err(|error| SourceError::Useless(broke_off(&error, part.have, whole)))?;
        if count == 0 {
            return Err(SourceError::Useless(format!("it broke off after {} of {whole} bytes", part.have)));
        }
        let room = usize::try_from(whole - part.have).unwrap_or(usize::MAX);
        part.append(&buffer[..count.min(room)])?;
        progress(PullEvent::Progress { done: part.have });
    }
    Ok(())
}

fn wrong_size(serves: u64, whole: u64) -> SourceError {
    SourceError::Useless(format!("its file has {serves} bytes, and {whole} are right"))
}

fn broke_off(error: &std::io::Error, have: u64, whole: u64) -> String {
    let timed_out = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()).map(explain);
    format!("{} after {have} of {whole} bytes", timed_out.unwrap_or_else(|| error.to_string()))
}

fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it did not answer in time".to_owned(),
        // The system's resolver has no error of its own kind.
        ureq::Error::Io(error) if error.to_string().contains("lookup address") => {
            "its name cannot be resolved; is this machine offline?".to_owned()
        }
        ureq::Error::HostNotFound => "its name cannot be resolved; is this machine offline?".to_owned(),
        ureq::Error::Io(error) => format!("the connection failed: {error}"),
        other => other.to_string(),
    }
}

/// First byte and total of `bytes 100-199/1000`.
fn parse_content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((start.parse().ok()?, total))
}
