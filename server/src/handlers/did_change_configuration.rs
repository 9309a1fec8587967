//! `workspace/didChangeConfiguration`: many clients send it after `initialize`.

/// Notes it in the log. Settings come from files and variables, which every front end shares; a restart reads them again.
pub fn handle() {
    tracing::debug!("the client sent settings of its own; halfline reads its configuration files");
}
