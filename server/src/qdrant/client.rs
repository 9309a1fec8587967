//! Requests to a Qdrant server: written into the audit log before they are sent, and not sent if that fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use halfline_inference::remote::{Method, RemoteError, RemotePatience, Retries, Service, ServiceRequest};
use serde_json::Value;

use crate::config::{Config, key_of};
use crate::policy::audit::{Audit, Record, next_request, now_ms};

/// How long a request may take that nobody waits for.
const WRITING: Duration = Duration::from_secs(10);
/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// What is asked of the server.
pub(super) struct Errand<'a> {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Value,
    /// What for, in the log.
    pub(super) what: &'static str,
    /// The files that it names.
    pub(super) files: Vec<&'a str>,
    /// How long somebody waits; else it may take its time, and is tried again.
    pub(super) within: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The server, or the way to it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl Fault {
    fn status(&self) -> Option<u16> {
        match self {
            Fault::Remote(RemoteError::Status { status, .. }) => Some(*status),
            _ => None,
        }
    }

    /// Whether what was asked for is not there.
    pub(super) fn is_absent(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether what was to be made is there already.
    pub(super) fn is_conflict(&self) -> bool {
        self.status() == Some(409)
    }
}

/// The way to a server.
pub(super) struct Client {
    service: Service,
    audit: Option<Audit>,
    workspace: String,
    model: String,
    query_time: Duration,
}

impl Client {
    /// Nothing is sent yet.
    pub(super) fn new(config: &Config, root: &Path, model: &str) -> Result<Client, String> {
        let settings = &config.search.qdrant;
        let key = key_of(&settings.key_command, &settings.key_variable);
        let patience = RemotePatience { connect: CONNECT, answer: WRITING, stall: WRITING, whole: WRITING };
        let service =
            Service::new(&settings.url, key, patience).map_err(|error| format!("search.qdrant.url: {error}"))?;
        Ok(Client {
            service,
            audit: Audit::configured(&config.audit, root)?,
            workspace: root.display().to_string(),
            model: model.to_owned(),
            query_time: Duration::from_millis(settings.query_ms),
        })
    }

    /// The machine.
    pub(super) fn host(&self) -> &str {
        self.service.host()
    }

    /// How long a search waits.
    pub(super) fn query_time(&self) -> Duration {
        self.query_time
    }

    /// What is wrong, for a person.
    pub(super) fn said(&self, fault: &Fault) -> String {
        let advice = match fault.status() {
            Some(401 | 403) => "; see `search.qdrant.key_variable` and `key_command`",
            _ => "",
        };
        format!("Qdrant at {}: {fault}{advice}", self.host())
    }

    /// Makes a request.
    pub(super) fn ask(&self, errand: Errand<'_>) -> Result<Value, Fault> {
        let number = next_request();
        let files: Vec<String> = errand.files.iter().map(|&file| file.to_owned()).collect();
        let write = |event, bytes, verdict: &str| {
            let Some(audit) = &self.audit else { return Ok(()) };
            audit.write(&Record {
                time_ms: now_ms(),
                request: number,
                event,
                workspace: &self.workspace,
                engine: "qdrant",
                host: self.host(),
                model: &self.model,
                template: "qdrant-rest",
                route: errand.what,
                files: &files,
                bytes,
                prompt_tokens: 0,
                answer_tokens: 0,
                redacted: &BTreeMap::new(),
                withheld: 0,
                tool_results: 0,
                suspicious: false,
                verdict,
            })
        };
        let sent = if errand.body.is_null() { 0 } else { errand.body.to_string().len() };
        write("sending", sent, "").map_err(Fault::Other)?;
        let answer = self.service.ask(&ServiceRequest {
            method: errand.method,
            path: errand.path,
            body: errand.body,
            within: errand.within.unwrap_or(WRITING),
            retries: Retries { most: u32::from(errand.within.is_none()), ..Retries::default() },
        });
        let written = match &answer {
            Ok(_) => write("answered", 0, ""),
            Err(error) => write("failed", 0, &error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!("{error}");
        }
        Ok(answer?)
    }
}
