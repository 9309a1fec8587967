//! A server that takes JSON and gives JSON: one request, with another try where that may help.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::connection::{Arriving, Connection, Method, Piece, complaint, sleep};
use super::key::Secret;
use super::{Key, RemoteError, RemotePatience, Retries};

/// A server. Threads share it; each request blocks the thread that makes it.
#[derive(Debug)]
pub struct Service {
    connection: Connection,
}

/// What is asked of it.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    /// How.
    pub method: Method,
    /// What of the server, without a `/` before it.
    pub path: String,
    /// Sent with all but [`Method::Get`].
    pub body: Value,
    /// How long one attempt may take, connection and answer together.
    pub within: Duration,
    /// How often to ask again.
    pub retries: Retries,
}

impl Service {
    /// Nothing is sent yet.
    pub fn new(url: &str, key: Key, patience: RemotePatience) -> Result<Service, RemoteError> {
        Ok(Service { connection: Connection::new(url, key, patience)? })
    }

    /// The address without its path: enough to say where something went.
    pub fn host(&self) -> &str {
        self.connection.host()
    }

    /// Makes the request. Only what may pass counts against the server's health: a wrong key is not its fault.
    pub fn ask(&self, request: &ServiceRequest) -> Result<Value, RemoteError> {
        self.connection.health()?;
        let key = self.connection.key()?;
        let cancelled = AtomicBool::new(false);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.attempt(request, key.as_ref(), &cancelled) {
                Ok(answer) => {
                    self.connection.succeeded();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let Some(wait) = request.retries.wait(attempt, &error, rand::random()) else {
                if error.is_passing() {
                    self.connection.failed();
                }
                return Err(error);
            };
            tracing::info!(host = self.host(), %error, ?wait, "it is asked again");
            sleep(wait, &cancelled)?;
        }
    }

    fn attempt(
        &self,
        request: &ServiceRequest,
        key: Option<&Secret>,
        cancelled: &AtomicBool,
    ) -> Result<Value, RemoteError> {
        let end = Instant::now() + request.within;
        let pieces = self.connection.send(request.method, &request.path, &request.body, key);
        let mut arriving = Arriving { cancelled, end, pieces };
        let Piece::Head { status, retry_after, .. } = arriving.next(request.within)? else {
            return Err(RemoteError::Cut(0));
        };
        if status != 200 {
            let message = complaint(&mut arriving, self.connection.patience.stall, key);
            return Err(RemoteError::Status { status, message, retry_after });
        }
        let mut whole = Vec::new();
        while let Piece::Bytes(bytes) = arriving.next(request.within)? {
            whole.extend_from_slice(&bytes);
        }
        serde_json::from_slice(&whole)
            .map_err(|error| RemoteError::Nonsense(format!("it is not the JSON that was expected ({error})")))
    }
}
