//! What clients of Copilot's server say about suggestions: shown, accepted in part, and which document has the focus.

use serde_json::Value;

use crate::policy::redact::for_log;

/// Notes it in the log.
pub fn handle(what: &'static str, params: &Value) {
    // They may hold the text that was shown.
    tracing::debug!(params = %for_log(&params.to_string()), "{what}");
}
