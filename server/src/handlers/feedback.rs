//! What clients of Copilot's server say about suggestions: shown, accepted in part, and which document has the focus.

use serde_json::Value;

/// Notes it in the log.
pub fn handle(what: &'static str, params: &Value) {
    tracing::debug!(%params, "{what}");
}
