//! Whether a command may run. The first time in a workspace the user is asked, by the editor.

use std::path::Path;

use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{MessageActionItem, MessageType};

use super::answer;
pub(super) use crate::allowed::Place;
use crate::allowed::{Allowed, question};
use crate::lsp::Server;

const ALWAYS: &str = "Always in this workspace";
const ONCE: &str = "Once";
const NO: &str = "No";

/// Lets the user decide whether `command` may run on `root`, unless they have. The error says who refused.
pub(super) async fn ask(server: &Server, root: &Path, command: &str, place: Place) -> Result<()> {
    if !server.session()?.config.assistant.may_run_checks {
        return Err(answer::failed(
            "no command may run here: the setting `assistant.may_run_checks` is off".to_owned(),
        ));
    }
    let allowed = Allowed::of_user();
    if allowed.has(root, command, place) {
        return Ok(());
    }
    let item = |title: &str| MessageActionItem { title: title.to_owned(), properties: Default::default() };
    let items = [ALWAYS, ONCE, NO].map(item).to_vec();
    let answer =
        server.client.show_message_request(MessageType::INFO, question(root, command, place), Some(items)).await;
    match answer.ok().flatten().map(|item| item.title).as_deref() {
        Some(ALWAYS) => {
            allowed.add(root, command, place);
            Ok(())
        }
        Some(ONCE) => Ok(()),
        _ => Err(answer::failed(format!("`{command}` was not run: you did not allow it"))),
    }
}
