//! `halfline chat`: a conversation about the code, kept from one time to the next.

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use halfline_context::Workspace;

use super::answer::{self, Desk};
use super::{Invocation, output, permission, root_of, session};
use crate::assistant::chat::{self, Chat, Sent, Store};
use crate::assistant::fix::{self, Texts};
use crate::assistant::{About, Update};
use crate::config::{self, AssistantConfig};

/// How long a command that a message names may run.
const COMMAND_TIME: Duration = Duration::from_secs(120);

/// Talk about the code, several turns
#[derive(clap::Args)]
#[command(
    about = "Talk about the code in several turns, kept from one time to the next",
    long_about = "Talk about the code in several turns, kept from one time to the next.\n\nA message points at files with @path, \
@path:12 or @path:12-20, at definitions with #name, and at what a command prints with !`command` or a line that starts with !; the \
command runs on a copy of the workspace. Without MESSAGE, lines are read from the terminal. The last chat of the workspace goes on \
unless you say --new or --session.",
    after_help = "Example: halfline chat --new 'what does @src/main.rs do?'"
)]
pub(super) struct Args {
    /// What to say; read from standard input when left out
    #[arg(value_name = "MESSAGE")]
    message: Option<String>,
    /// The chat to go on with, as --list names it
    #[arg(long, value_name = "ID", conflicts_with = "new")]
    session: Option<String>,
    /// Begin another chat
    #[arg(long)]
    new: bool,
    /// The chats of the workspace
    #[arg(long, conflicts_with_all = ["message", "session", "new", "delete"])]
    list: bool,
    /// Delete a chat
    #[arg(long, value_name = "ID", conflicts_with_all = ["message", "session", "new"])]
    delete: Option<String>,
    /// The workspace [default: the one around the current directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Where the conversation is about, and who answers.
struct Room {
    store: Store,
    root: PathBuf,
    workspace: Arc<Workspace>,
    desk: Desk,
    settings: AssistantConfig,
    json: bool,
}

pub(super) fn run(args: Args, invocation: &Invocation) -> anyhow::Result<()> {
    let here = std::env::current_dir()?;
    let is_project = args.root.is_some() || config::project_root(&here).is_some();
    let root = root_of(args.root.as_deref(), &here)?.canonicalize()?;
    let store = Store::of_workspace(&root)?;
    if args.list {
        return list(&store, args.json);
    }
    if let Some(id) = &args.delete {
        store.delete(id)?;
        output::note(&format!("deleted {id}"));
        return if args.json { output::json(&serde_json::json!({"deleted": id})) } else { Ok(()) };
    }
    let message = match args.message {
        Some(message) => Some(message),
        None if std::io::stdin().is_terminal() && !args.json => None,
        None => Some(std::io::read_to_string(std::io::stdin())?),
    };
    if message.as_ref().is_some_and(|message| message.trim().is_empty()) {
        bail!("the message is empty; write one, or run this in a terminal without --json to be asked for it");
    }
    let chat = match &args.session {
        Some(id) => Some(store.load(id)?),
        None if args.new => None,
        None => last(&store)?,
    };
    let config = invocation.config(&root)?;
    // A directory that is no project may be anything, and is not read.
    let (engine, workspace) = session::open(&config, if is_project { &root } else { Path::new("") })?;
    let desk = Desk::new(&config, engine, workspace.clone());
    let room = Room { store, root, workspace, desk, settings: config.assistant.clone(), json: args.json };
    // One in which nothing can be said, because of a file that is not there, is not kept.
    let mut chat = chat.unwrap_or_else(|| room.store.begin());
    output::note(&format!("chat {}: {}", chat.id, if chat.title.is_empty() { "new" } else { &chat.title }));
    match message {
        Some(message) => room.say(&chat, message).map(drop),
        None => room.talk(&mut chat),
    }
}

impl Room {
    /// Reads messages from the terminal until there are no more.
    fn talk(&self, chat: &mut Chat) -> anyhow::Result<()> {
        output::note("an empty line or Ctrl-D ends the chat");
        loop {
            write!(std::io::stderr(), "> ")?;
            std::io::stderr().flush()?;
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line)? == 0 || line.trim().is_empty() {
                return Ok(());
            }
            match self.say(chat, line.trim_end().to_owned()) {
                Ok(()) => *chat = self.store.load(&chat.id)?,
                Err(error) if output::is_broken_pipe(&error) => return Err(error),
                // A message that cannot be answered does not end a conversation.
                Err(error) => output::note(&format!("error: {}", output::one_line(&error))),
            }
        }
    }

    /// Answers one message and prints the answer.
    fn say(&self, chat: &Chat, message: String) -> anyhow::Result<()> {
        let references = chat::resolve(&message, &|path| self.find_file(path), &|name| self.is_symbol(name));
        let references = references.map_err(anyhow::Error::msg)?;
        if !references.commands.is_empty() {
            permission::check(&self.settings)?;
        }
        let sent = answer::show(self.json, async |sink| {
            let mut about = About { files: references.files, symbols: references.symbols, outputs: Vec::new() };
            for command in &references.commands {
                // Whoever writes it on a command line wants it to run.
                sink(Update::Status { text: format!("running {command}") });
                about.outputs.push(fix::output_of(&self.root, Texts::new(), command, COMMAND_TIME).await?);
            }
            Ok(chat::send(self.desk.assistant(), &self.store, chat.clone(), message, about, sink).await?)
        })?;
        if self.json {
            return output::json(&self.desk.with_prompt(&sent.answer.id, &sent));
        }
        answer::footer(&sent.answer);
        history_note(&sent);
        Ok(())
    }

    /// A file that a message names: from here, or from the workspace's root.
    fn find_file(&self, path: &Path) -> Option<PathBuf> {
        let here = std::path::absolute(path).ok();
        [here, Some(self.root.join(path))].into_iter().flatten().find(|path| path.is_file())
    }

    fn is_symbol(&self, name: &str) -> bool {
        !self.workspace.find(name).is_empty()
    }
}

fn history_note(sent: &Sent) {
    let history = &sent.history;
    if history.shortened + history.left_out > 0 {
        output::note(&format!(
            "of {} earlier turns {} are shortened and {} left out (assistant.history_tokens)",
            history.turns, history.shortened, history.left_out
        ));
    }
}

fn last(store: &Store) -> anyhow::Result<Option<Chat>> {
    let listing = store.list()?;
    report_damaged(&listing);
    Ok(listing.chats.first().map(|summary| store.load(&summary.id)).transpose()?)
}

fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let listing = store.list()?;
    if json {
        return output::json(&listing);
    }
    report_damaged(&listing);
    for chat in &listing.chats {
        output::line(&format!("{}  {:3} turns  {}", chat.id, chat.turns, chat.title))?;
    }
    if listing.chats.is_empty() {
        output::note("there are no chats in this workspace");
    }
    Ok(())
}

fn report_damaged(listing: &chat::Listing) {
    for damaged in &listing.damaged {
        output::note(&format!("warning: {} cannot be read: {}", damaged.path.display(), damaged.reason));
    }
}
