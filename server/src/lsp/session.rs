//! What was agreed with one client when it initialised, and what follows from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use halfline_context::{Encoding, Workspace};
use serde_json::Value;
use tower_lsp::lsp_types::Url;

use super::convert;
use super::indexing::Indexing;
use crate::assistant::failures::Failures;
use crate::assistant::{ReadAhead, Router};
use crate::cache_directory;
use crate::completion::Completer;
use crate::config::{self, Config};
use crate::embedding::Embedding;
use crate::engine_host::EngineHost;
use crate::recent::Recent;

/// What the client said about itself. Read from the JSON of `initialize`, because lsp-types 0.94 drops what it does not
/// know, such as `inlineCompletion`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientInfo {
    /// Name, for the log.
    pub name: String,
    /// The unit of columns.
    pub encoding: Encoding,
    /// Whether the client draws ghost text itself.
    pub inline_completion: bool,
    /// Whether the client asks for lenses again when it is told to.
    pub lens_refresh: bool,
    /// Whether the server may start a progress report.
    pub work_done_progress: bool,
    /// The process to outlive never.
    pub process_id: Option<u32>,
    /// The first workspace folder.
    pub root: Option<PathBuf>,
}

impl ClientInfo {
    /// Reads the parameters of `initialize`. What is missing or malformed counts as not said.
    pub fn read(params: &Value) -> ClientInfo {
        let at = |pointer: &str| params.pointer(pointer).unwrap_or(&Value::Null);
        let offered: Vec<String> =
            serde_json::from_value(at("/capabilities/general/positionEncodings").clone()).unwrap_or_default();
        let uri = at("/workspaceFolders/0/uri").as_str().or(at("/rootUri").as_str());
        let root = uri.and_then(|uri| convert::to_path(&Url::parse(uri).ok()?));
        ClientInfo {
            name: at("/clientInfo/name").as_str().unwrap_or("a client without a name").to_owned(),
            encoding: convert::choose_encoding(&offered),
            inline_completion: at("/capabilities/textDocument/inlineCompletion").is_object(),
            lens_refresh: at("/capabilities/workspace/codeLens/refreshSupport").as_bool().unwrap_or(false),
            work_done_progress: at("/capabilities/window/workDoneProgress").as_bool().unwrap_or(false),
            process_id: at("/processId").as_u64().and_then(|id| u32::try_from(id).ok()),
            root: root.or_else(|| at("/rootPath").as_str().map(PathBuf::from)),
        }
    }
}

/// Everything that a handler needs once the client has initialised.
pub struct Session {
    /// What the client said.
    pub client: ClientInfo,
    /// The settings in effect for this workspace.
    pub config: Config,
    /// What was wrong with the settings, for the client to show.
    pub config_problems: Vec<String>,
    /// The models, loading or loaded.
    pub engine: Arc<EngineHost>,
    /// What is known of the client's folder, when it has one.
    pub workspace: Option<Arc<Workspace>>,
    /// How far reading the folder is.
    pub indexing: Option<Indexing>,
    /// The thread that computes vectors of the folder.
    _embedding: Option<Embedding>,
    /// Engines that run elsewhere, and what is known of their health.
    pub router: Router,
    /// What the last completions and answers rest on.
    pub recent: Arc<Recent>,
    /// The question that was read while nobody asked.
    pub read_ahead: Arc<ReadAhead>,
    /// The tests that failed when they were last run.
    pub failures: Failures,
    /// Inline completion with its caches.
    pub completer: Arc<Completer>,
}

impl Session {
    /// Reads the settings of the client's workspace and starts to load the models.
    pub fn start(client: ClientInfo, flags: &[(String, String)]) -> Session {
        let loaded = config::load(client.root.as_deref(), flags);
        let config_problems = loaded.problems.iter().map(ToString::to_string).collect();
        let config = loaded.config;
        let engine = EngineHost::start(&config);
        let root = client.root.as_deref().filter(|root| is_project(root));
        let workspace = root.map(|root| Arc::new(Workspace::open(root, &cache_directory())));
        let indexing = workspace.clone().map(Indexing::start);
        let embedding = workspace
            .clone()
            .zip(indexing.as_ref())
            .map(|(workspace, indexing)| Embedding::start(config.clone(), workspace, indexing.is_over()));
        let recent = Arc::<Recent>::default();
        let router = Router::new(&config, client.root.as_deref().unwrap_or(Path::new("")));
        let completer = Completer::new(&config, workspace.clone()).with_recent(recent.clone());
        let completer = Arc::new(completer.with_router(router.clone()));
        Session {
            client,
            config,
            config_problems,
            engine,
            workspace,
            indexing,
            _embedding: embedding,
            router,
            recent,
            read_ahead: Arc::default(),
            failures: Failures::default(),
            completer,
        }
    }
}

/// Whether a folder is worth reading: an editor started anywhere gives the home directory, or the whole disk.
fn is_project(root: &Path) -> bool {
    let home = directories::BaseDirs::new();
    root.parent().is_some() && home.is_none_or(|home| home.home_dir() != root)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_or_malformed_counts_as_not_said() {
        let nothing = ClientInfo { name: "a client without a name".into(), ..ClientInfo::default() };
        for params in [
            json!(null),
            json!({}),
            json!({"processId": -1, "rootUri": 3, "capabilities": {"general": {"positionEncodings": "utf-8"}}}),
            json!({"rootUri": "not a uri", "workspaceFolders": [], "capabilities": {"window": {"workDoneProgress": 1}}}),
        ] {
            assert_eq!(ClientInfo::read(&params), nothing, "{params}");
        }
        let everything = json!({
            "processId": 7, "rootUri": "file:///b", "workspaceFolders": [{"uri": "file:///a", "name": "a"}],
            "clientInfo": {"name": "Neovim"},
            "capabilities": {
                "general": {"positionEncodings": ["utf-16", "utf-8"]},
                "textDocument": {"inlineCompletion": {"dynamicRegistration": false}},
                "window": {"workDoneProgress": true},
                "workspace": {"codeLens": {"refreshSupport": true}},
            },
        });
        let expected = ClientInfo {
            name: "Neovim".into(),
            encoding: Encoding::Utf8,
            inline_completion: true,
            lens_refresh: true,
            work_done_progress: true,
            process_id: Some(7),
            root: Some("/a".into()),
        };
        assert_eq!(ClientInfo::read(&everything), expected);
    }
}
