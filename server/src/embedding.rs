//! The model that makes vectors for searching by meaning: which one it is, and a thread that computes while nothing else
//! needs the processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use halfline_context::retrieval::ComputeError;
use halfline_context::{Dense, Embedder, Workspace};
use halfline_inference::embed::TextEmbedder;
use halfline_inference::models::{Manifest, Role, Store};
use rayon::ThreadPoolBuilder;

use crate::config::{Config, EmbedderChoice};
use crate::qdrant::Qdrant;

/// How often it is looked whether the workspace has changed.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How often a waiting thread looks whether it should end.
const GLANCE: Duration = Duration::from_millis(250);

/// Loads the model that `choice` asks for; the error says why there is none.
fn load(choice: EmbedderChoice) -> Result<Arc<dyn Embedder>, String> {
    let family = match choice {
        EmbedderChoice::Static => "static",
        EmbedderChoice::MiniLm => "minilm",
        EmbedderChoice::Off => return Err("`search.embedder` is off".to_owned()),
    };
    let store = Store::open().map_err(|error| error.to_string())?;
    let manifest = Manifest::load().map_err(|error| error.to_string())?;
    let model = manifest.models.iter().find(|model| model.role == Role::Embed && model.family == family);
    let model =
        model.ok_or_else(|| format!("the manifest has no model of the family `{family}` that makes vectors"))?;
    let loaded = TextEmbedder::load(&store, &manifest, model).map_err(|error| error.to_string())?;
    Ok(Arc::new(Loaded(loaded)))
}

/// Makes `workspace` one that can be searched by meaning, with the model and the store that the settings name; the error says
/// why it cannot be.
pub fn open<'a>(config: &Config, workspace: &'a Workspace) -> Result<&'a Dense, String> {
    if let Some(dense) = workspace.dense() {
        return Ok(dense);
    }
    let embedder = load(config.search.embedder)?;
    Ok(match Qdrant::new(config, workspace.root(), embedder.as_ref())? {
        None => workspace.embed_with(embedder),
        Some(store) => workspace.embed_at(embedder, Arc::new(store)),
    })
}

/// The thread that computes the vectors of a workspace, while this lives.
#[derive(Debug)]
pub struct Embedding {
    stopped: Arc<AtomicBool>,
}

impl Embedding {
    /// Starts the thread and returns at once. Nothing is computed until `ready` says that the workspace is read.
    pub fn start(config: Config, workspace: Arc<Workspace>, ready: impl Fn() -> bool + Send + 'static) -> Embedding {
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = stopped.clone();
        let work = move || {
            let go_on = || !stop.load(Ordering::Relaxed);
            while go_on() && !ready() {
                std::thread::sleep(GLANCE);
            }
            match open(&config, &workspace) {
                Ok(dense) => follow(&workspace, dense, &go_on),
                Err(why) => tracing::info!("the workspace is not searched by meaning: {why}"),
            }
        };
        // A pool of one thread: what the model would spread over every core stays on this one.
        let pool = ThreadPoolBuilder::new()
            .num_threads(1)
            .thread_name(|_| "embed".to_owned())
            .start_handler(|_| yield_to_others());
        match pool.build() {
            Ok(pool) => pool.spawn(work),
            Err(error) => tracing::warn!("cannot start a thread to compute vectors: {error}"),
        }
        Embedding { stopped }
    }
}

impl Drop for Embedding {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

fn follow(workspace: &Workspace, dense: &Dense, go_on: &dyn Fn() -> bool) {
    let mut said = String::new();
    while go_on() {
        match dense.compute(workspace, go_on, &mut |_, _| {}) {
            Ok(outcome) => {
                said.clear();
                if outcome.computed > 0 {
                    tracing::info!(?outcome, "vectors computed");
                }
            }
            // A server may come back; what it has not got yet is the next round's.
            Err(ComputeError::Store(why)) => {
                if said != why {
                    tracing::warn!("vectors are not shared for now: {why}");
                }
                said = why;
            }
            Err(error) => {
                tracing::warn!("the workspace is not searched by meaning any further: {error}");
                return;
            }
        }
        let mut waited = Duration::ZERO;
        while go_on() && waited < LOOK_EVERY {
            std::thread::sleep(GLANCE);
            waited += GLANCE;
        }
    }
}

/// Lets every other thread go first.
#[cfg(target_os = "linux")]
fn yield_to_others() {
    const LAST: i32 = 19;
    // On Linux nobody is the calling thread, not its process.
    if let Err(error) = rustix::process::setpriority_process(None, LAST) {
        tracing::debug!("vectors are computed at normal priority: {error}");
    }
}

/// Elsewhere a thread has no priority of its own that this program could set.
#[cfg(not(target_os = "linux"))]
fn yield_to_others() {}

/// The model as the search sees it.
struct Loaded(TextEmbedder);

impl Embedder for Loaded {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn dimension(&self) -> usize {
        self.0.dimension()
    }

    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, String> {
        self.0.embed(texts).map_err(|error| error.to_string())
    }
}
