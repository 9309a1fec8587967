//! Conversations on disk: one file each, in a directory of their workspace's, readable by nobody else. A file is replaced
//! whole; one that cannot be read is set aside and reported, never lost and never in the way. Secrets that a rule knows are
//! not written down.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::{AssistantError, Extra};
use super::{Chat, Summary, Turn, now_ms, title_of};
use crate::cache::workspace_name;
use crate::policy::redact::{Placeholders, Sort, redact};
use crate::policy::state_directory;

/// The shape of a file.
const VERSION: u32 = 1;
/// Ending of a file that was set aside.
const DAMAGED: &str = "damaged";

/// The conversations of one workspace.
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// What a store has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The conversations, the last one first.
    pub chats: Vec<Summary>,
    /// Files that could not be read.
    pub damaged: Vec<Damaged>,
}

/// A file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Where it is now.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Why there is no conversation, or no answer in it.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// No such conversation.
    #[error("there is no chat {0:?} in this workspace; `halfline chat --list` has them all")]
    Unknown(String),
    /// Its file makes no sense.
    #[error("the chat's file cannot be read ({}) and was set aside as {}", .0.reason, .0.path.display())]
    Damaged(Damaged),
    /// Its file was written by a later version of this program.
    #[error("{path} was written by a newer Halfline (format {version}); update this one to read it")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// The disk.
    #[error("{path}: {reason}")]
    Disk {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is nowhere to keep conversations.
    #[error("this platform has no directory to keep chats in; set HOME")]
    NoPlace,
    /// There is no answer.
    #[error(transparent)]
    Answer(#[from] AssistantError),
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    #[serde(flatten)]
    chat: Chat,
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

impl Store {
    /// The conversations of the workspace at `root`.
    pub fn of_workspace(root: &Path) -> Result<Store, ChatError> {
        let state = state_directory().ok_or(ChatError::NoPlace)?;
        Ok(Store::in_directory(state.join("chats").join(workspace_name(root))))
    }

    /// The conversations in a directory, which need not be there yet.
    pub fn in_directory(directory: PathBuf) -> Store {
        Store { directory }
    }

    /// A new conversation, of which nothing is kept before something is said in it.
    pub fn begin(&self) -> Chat {
        // Two that begin in the same moment are two.
        static BEGUN: AtomicU64 = AtomicU64::new(0);
        let now = now_ms();
        let mut id = String::new();
        for attempt in BEGUN.fetch_add(1 << 32, Ordering::Relaxed).. {
            let hash = Sha256::digest(format!("{now} {} {attempt}", std::process::id()));
            id = hash.iter().take(3).map(|byte| format!("{byte:02x}")).collect();
            if !self.path(&id).exists() {
                break;
            }
        }
        Chat { id, title: String::new(), created_ms: now, updated_ms: now, turns: Vec::new() }
    }

    /// A new conversation that is kept from now on.
    pub fn create(&self) -> Result<Chat, ChatError> {
        let _lock = self.lock()?;
        let chat = self.begin();
        self.write(&chat)?;
        Ok(chat)
    }

    /// Everything there is. Files that cannot be read are set aside.
    pub fn list(&self) -> Result<Listing, ChatError> {
        let mut listing = Listing::default();
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(listing),
            Err(error) => return Err(disk(&self.directory, &error)),
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("json") => match self.load(&stem) {
                    Ok(chat) => listing.chats.push(chat.summary()),
                    Err(ChatError::Damaged(damaged)) => listing.damaged.push(damaged),
                    Err(error) => listing.damaged.push(Damaged { path, reason: error.to_string() }),
                },
                Some(DAMAGED) => {
                    listing.damaged.push(Damaged { path, reason: "it was set aside before".to_owned() });
                }
                _ => {}
            }
        }
        listing.chats.sort_by(|a, b| (b.updated_ms, &a.id).cmp(&(a.updated_ms, &b.id)));
        listing.damaged.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listing)
    }

    /// The conversation of that name.
    pub fn load(&self, id: &str) -> Result<Chat, ChatError> {
        // A name from outside is no path.
        let is_name = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_name {
            return Err(ChatError::Unknown(id.to_owned()));
        }
        let path = self.path(id);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ChatError::Unknown(id.to_owned()));
            }
            Err(error) => return Err(disk(&path, &error)),
        };
        if let Ok(VersionOnly { version }) = serde_json::from_slice(&bytes)
            && version > VERSION
        {
            return Err(ChatError::Newer { path, version });
        }
        match serde_json::from_slice::<Document>(&bytes) {
            Ok(document) if document.chat.id == id => Ok(document.chat),
            Ok(document) => Err(self.set_aside(&path, format!("it says that it is {:?}", document.chat.id))),
            Err(error) => Err(self.set_aside(&path, error.to_string())),
        }
    }

    /// Adds a turn to `chat` as it is on disk, which another process may have gone on with, and keeps how earlier turns stand.
    pub fn append(&self, chat: &Chat, turn: Turn) -> Result<Chat, ChatError> {
        let _lock = self.lock()?;
        let mut present = match self.load(&chat.id) {
            Ok(present) => present,
            // It was deleted, or damaged, while the model wrote: what is known here is all there is.
            Err(ChatError::Unknown(_) | ChatError::Damaged(_)) => chat.clone(),
            Err(error) => return Err(error),
        };
        for (known, fitted) in present.turns.iter_mut().zip(&chat.turns) {
            known.standing = known.standing.max(fitted.standing);
        }
        if present.title.is_empty() {
            present.title = title_of(&without_secrets(&turn.question));
        }
        present.updated_ms = turn.time_ms.max(present.updated_ms);
        let (user, extras) = turn_without_secrets(&turn.user, &turn.extras);
        present.turns.push(Turn {
            question: without_secrets(&turn.question),
            user,
            extras,
            answer: without_secrets(&turn.answer),
            ..turn
        });
        self.write(&present)?;
        Ok(present)
    }

    /// Deletes the conversation of that name.
    pub fn delete(&self, id: &str) -> Result<(), ChatError> {
        let _lock = self.lock()?;
        match self.load(id) {
            // Whoever wants it gone need not be able to read it.
            Ok(_) | Err(ChatError::Newer { .. }) => {}
            Err(ChatError::Damaged(damaged)) => {
                return fs::remove_file(&damaged.path).map_err(|error| disk(&damaged.path, &error));
            }
            Err(error) => return Err(error),
        }
        let path = self.path(id);
        fs::remove_file(&path).map_err(|error| disk(&path, &error))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    /// Held while a file is read and replaced, so that no turn is lost to another process.
    fn lock(&self) -> Result<File, ChatError> {
        let path = self.directory.join("lock");
        let open = || {
            fs::create_dir_all(&self.directory)?;
            let file = File::options().create(true).truncate(false).write(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(|error: std::io::Error| disk(&path, &error))
    }

    fn write(&self, chat: &Chat) -> Result<(), ChatError> {
        let path = self.path(&chat.id);
        let write = || {
            // What is new is its owner's alone.
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            serde_json::to_writer(&mut file, &Document { version: VERSION, chat: chat.clone() })?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error: std::io::Error| disk(&path, &error))
    }

    fn set_aside(&self, path: &Path, reason: String) -> ChatError {
        let aside = path.with_extension(DAMAGED);
        match fs::rename(path, &aside) {
            Ok(()) => ChatError::Damaged(Damaged { path: aside, reason }),
            Err(error) => disk(path, &error),
        }
    }
}

fn disk(path: &Path, error: &std::io::Error) -> ChatError {
    ChatError::Disk { path: path.to_owned(), reason: error.to_string() }
}

/// The user's turn without the secrets that a rule knows, and where its extras are then.
fn turn_without_secrets(user: &str, extras: &[Extra]) -> (String, Vec<Extra>) {
    let (mut text, mut moved, mut done) = (String::new(), Vec::new(), 0);
    for extra in extras {
        let (Some(before), Some(piece)) = (user.get(done..extra.range.start), user.get(extra.range.clone())) else {
            continue;
        };
        text += &without_secrets(before);
        let start = text.len();
        text += &without_secrets(piece);
        moved.push(Extra { range: start..text.len(), ..extra.clone() });
        done = extra.range.end;
    }
    text += &without_secrets(user.get(done..).unwrap_or_default());
    (text, moved)
}

fn without_secrets(text: &str) -> String {
    redact(text, &[Sort::Secret], &mut Placeholders::new(text)).text
}
