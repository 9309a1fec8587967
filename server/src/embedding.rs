//! The model that makes vectors for searching by meaning: which one it is, and a thread that computes while nothing else
//! needs the processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use halfline_context::{Embedder, Workspace};
use halfline_inference::embed::TextEmbedder;
use halfline_inference::models::{Manifest, Role, Store};
use rayon::ThreadPoolBuilder;

use crate::config::EmbedderChoice;

/// How often it is looked whether the workspace has changed.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How often a waiting thread looks whether it should end.
const GLANCE: Duration = Duration::from_millis(250);

/// Loads the model that `choice` asks for; the error says why there is none.
pub fn load(choice: EmbedderChoice) -> Result<Arc<dyn Embedder>, String> {
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

/// The thread that computes the vectors of a workspace, while this lives.
#[derive(Debug)]
pub struct Embedding {
    stopped: Arc<AtomicBool>,
}

impl Embedding {
    /// Starts the thread and returns at once. Nothing is computed until `ready` says that the workspace is read.
    pub fn start(
        choice: EmbedderChoice,
        workspace: Arc<Workspace>,
        ready: impl Fn() -> bool + Send + 'static,
    ) -> Embedding {
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = stopped.clone();
        let work = move || {
            let go_on = || !stop.load(Ordering::Relaxed);
            while go_on() && !ready() {
                std::thread::sleep(GLANCE);
            }
            match load(choice) {
                Ok(embedder) => follow(&workspace, embedder, &go_on),
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

fn follow(workspace: &Workspace, embedder: Arc<dyn Embedder>, go_on: &dyn Fn() -> bool) {
    let dense = workspace.embed_with(embedder);
    while go_on() {
        match dense.compute(workspace, go_on, &mut |_, _| {}) {
            Ok(outcome) if outcome.computed > 0 => tracing::info!(?outcome, "vectors computed"),
            Ok(_) => {}
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
