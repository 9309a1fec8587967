//! `[search.qdrant]`: a server that a team shares for the vectors of its code. By default there is none.

use serde::{Deserialize, Serialize};

/// `[search.qdrant]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QdrantConfig {
    /// Whether the server below may be used.
    pub enabled: bool,
    /// Its address; empty for none.
    pub url: String,
    /// What the names of its collections begin with.
    pub collection: String,
    /// Environment variable that holds its key; empty for none.
    pub key_variable: String,
    /// Command that prints its key, before the variable.
    pub key_command: Vec<String>,
    /// Milliseconds that a search waits for it.
    pub query_ms: u64,
}

impl Default for QdrantConfig {
    fn default() -> Self {
        QdrantConfig {
            enabled: true,
            url: String::new(),
            collection: "halfline".to_owned(),
            key_variable: String::new(),
            key_command: Vec::new(),
            query_ms: 1_000,
        }
    }
}

impl QdrantConfig {
    /// Whether there is a server, and it may be used.
    pub fn is_used(&self) -> bool {
        self.enabled && !self.url.is_empty()
    }
}
