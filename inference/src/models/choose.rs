//! Which models to load: what the configuration wants, what is on disk, and what fits into memory.

use std::path::{Path, PathBuf};

use super::error::{StoreError, failed};
use super::fit::{Fit, Memory, Need};
use super::manifest::{Manifest, Model, Role};
use super::store::Store;

/// What the user wants for a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The best that is on disk and fits.
    Auto,
    /// None.
    None,
    /// This model: a name, or the path of a file.
    Named(String),
}

/// What will be loaded, and why.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The file of the target.
    pub target: PathBuf,
    /// The file of the draft.
    pub draft: Option<PathBuf>,
    /// Whether that fits. A model that the user named is tried even if it does not.
    pub fit: Fit,
    /// What the user may want to know: what is missing, what was passed over.
    pub notes: Vec<String>,
}

/// Chooses among what is on disk.
pub fn choose(
    store: &Store,
    manifest: &Manifest,
    target: &Wanted,
    draft: &Wanted,
    cache_bytes: u64,
    memory: &Memory,
) -> Result<Choice, StoreError> {
    let mut notes = Vec::new();
    let target_path = match target {
        Wanted::Named(name) => store.resolve(manifest, name)?,
        Wanted::Auto | Wanted::None => best_target(store, manifest, cache_bytes, memory, &mut notes)?,
    };
    let fit_with = |draft: Option<&Path>| -> Result<Fit, StoreError> {
        let mut files = vec![size(&target_path)?];
        if let Some(draft) = draft {
            files.push(size(draft)?);
        }
        Ok(Fit::check(Need::of(&files, cache_bytes), memory))
    };
    let draft_path = match draft {
        Wanted::None => None,
        Wanted::Named(name) => Some(store.resolve(manifest, name)?),
        Wanted::Auto => match draft_for(manifest, &target_path) {
            None => None,
            Some(model) => {
                let entry = store.entry(model);
                if !entry.state.usable() {
                    notes.push(format!(
                        "the draft model {} is not on disk; `halfline models pull {0}` makes answers faster",
                        model.name
                    ));
                    None
                } else if fit_with(Some(&entry.path))?.fits {
                    Some(entry.path)
                } else {
                    notes.push(format!("the draft model {} is left out: memory is short", model.name));
                    None
                }
            }
        },
    };
    let fit = fit_with(draft_path.as_deref())?;
    if !fit.fits {
        notes.push(format!("this may not run: {}", fit.sentence()));
    }
    Ok(Choice { target: target_path, draft: draft_path, fit, notes })
}

/// The models to pull on this machine, best pair that fits first: a target and its draft, or one alone.
pub fn recommended<'a>(manifest: &'a Manifest, cache_bytes: u64, memory: &Memory) -> Vec<&'a Model> {
    let fits = |models: &[&Model]| {
        let files: Vec<u64> = models.iter().map(|model| model.bytes).collect();
        Fit::check(Need::of(&files, cache_bytes), memory).fits
    };
    for target in targets(manifest, memory) {
        if let Some(draft) = draft_of(manifest, target)
            && fits(&[target, draft])
        {
            return vec![target, draft];
        }
        if fits(&[target]) {
            return vec![target];
        }
    }
    // Nothing fits: the smallest is the best chance there is.
    targets(manifest, memory).last().copied().into_iter().collect()
}

fn best_target(
    store: &Store,
    manifest: &Manifest,
    cache_bytes: u64,
    memory: &Memory,
    notes: &mut Vec<String>,
) -> Result<PathBuf, StoreError> {
    let mut too_big = None;
    for model in targets(manifest, memory) {
        let entry = store.entry(model);
        if let super::State::Damaged { what } = &entry.state {
            notes.push(format!(
                "{} is damaged: {what}; `halfline models pull {}` mends it",
                entry.path.display(),
                model.name
            ));
        }
        if !entry.state.usable() {
            continue;
        }
        let fit = Fit::check(Need::of(&[model.bytes], cache_bytes), memory);
        if fit.fits {
            return Ok(entry.path);
        }
        notes.push(format!("{} is passed over: {}", model.name, fit.sentence()));
        too_big = Some(entry.path);
    }
    let imported = store.list(manifest)?.into_iter().filter(|entry| entry.model.is_none());
    if let Some(entry) = imported.max_by_key(|entry| entry.bytes) {
        return Ok(entry.path);
    }
    // The smallest of those that do not fit: the estimate is careful, so it may run yet.
    if let Some(path) = too_big {
        return Ok(path);
    }
    Err(StoreError::Nothing)
}

fn draft_for<'a>(manifest: &'a Manifest, target: &Path) -> Option<&'a Model> {
    let file = target.file_name()?.to_str()?;
    draft_of(manifest, manifest.models.iter().find(|model| model.file == file)?)
}

fn draft_of<'a>(manifest: &'a Manifest, target: &Model) -> Option<&'a Model> {
    manifest
        .models
        .iter()
        .find(|model| model.role == Role::Draft && model.vocabulary == target.vocabulary && model.bytes < target.bytes)
}

/// What can give answers there, largest first.
fn targets<'a>(manifest: &'a Manifest, memory: &Memory) -> Vec<&'a Model> {
    let on_a_card = memory.vram_available.is_some();
    let mut models: Vec<&Model> = manifest
        .models
        .iter()
        .filter(|model| model.role.writes() && (on_a_card || model.role != Role::Large))
        .collect();
    models.sort_by_key(|model| std::cmp::Reverse(model.bytes));
    models
}

fn size(path: &Path) -> Result<u64, StoreError> {
    std::fs::metadata(path).map(|metadata| metadata.len()).map_err(failed("open the model", path))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const TARGET: &str = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf";
    const DRAFT: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
    const SMALL: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

    /// Chooses among these files, which have the right size (or one byte more, when marked with `+`), on a machine with
    /// so many MiB.
    fn check(files: &[&str], target: &str, draft: &str, available_mib: u64, expected: Expect) {
        let dir = tempfile::tempdir().unwrap();
        let (store, manifest) = (Store::at(dir.path()), Manifest::builtin());
        for file in files {
            let name = file.trim_end_matches('+');
            let bytes = manifest.find(name).map_or(1000, |model| model.bytes) + u64::from(file.ends_with('+'));
            std::fs::File::create(dir.path().join(name)).unwrap().set_len(bytes).unwrap();
        }
        let wanted = |text: &str| match text {
            "auto" => Wanted::Auto,
            "none" => Wanted::None,
            name => Wanted::Named(name.to_owned()),
        };
        let memory = Memory { total: 8 << 30, available: available_mib << 20, limited: false, vram_available: None };
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let shown = match choose(&store, &manifest, &wanted(target), &wanted(draft), 512 << 20, &memory) {
            Ok(choice) => format!(
                "{} + {}\n{}",
                name(choice.target),
                choice.draft.map_or("nothing".to_owned(), name),
                choice.notes.join("\n")
            ),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&shown.replace(&format!("{}/", dir.path().display()), ""));
    }

    #[test]
    fn the_largest_pair_that_is_there_and_fits() {
        check(
            &[TARGET, DRAFT, SMALL],
            "auto",
            "auto",
            8000,
            expect![[r#"
            qwen2.5-coder-1.5b-instruct-q4_k_m.gguf + qwen2.5-coder-0.5b-instruct-q4_k_m.gguf
        "#]],
        );
        check(
            &[TARGET, SMALL],
            "auto",
            "auto",
            8000,
            expect![[r#"
            qwen2.5-coder-1.5b-instruct-q4_k_m.gguf + nothing
            the draft model qwen2.5-coder-0.5b-instruct-q4_k_m is not on disk; `halfline models pull qwen2.5-coder-0.5b-instruct-q4_k_m` makes answers faster"#]],
        );
        check(
            &[TARGET, DRAFT, SMALL],
            "auto",
            "auto",
            2300,
            expect![[r#"
            qwen2.5-coder-1.5b-instruct-q4_k_m.gguf + nothing
            the draft model qwen2.5-coder-0.5b-instruct-q4_k_m is left out: memory is short"#]],
        );
        check(
            &[TARGET, DRAFT, SMALL],
            "auto",
            "auto",
            1500,
            expect![[r#"
            qwen2.5-coder-0.5b-instruct-q4_k_m.gguf + nothing
            qwen2.5-coder-1.5b-instruct-q4_k_m is passed over: does not fit: needs about 2100 MiB (weights 1332 MiB, cache 512 MiB, work 256 MiB), this machine has 1500 MiB available of 8192 MiB"#]],
        );
        check(
            &[TARGET, DRAFT],
            "auto",
            "auto",
            100,
            expect![[r#"
            qwen2.5-coder-0.5b-instruct-q4_k_m.gguf + nothing
            qwen2.5-coder-1.5b-instruct-q4_k_m is passed over: does not fit: needs about 2100 MiB (weights 1332 MiB, cache 512 MiB, work 256 MiB), this machine has 100 MiB available of 8192 MiB
            qwen2.5-coder-0.5b-instruct-q4_k_m is passed over: does not fit: needs about 1354 MiB (weights 586 MiB, cache 512 MiB, work 256 MiB), this machine has 100 MiB available of 8192 MiB
            this may not run: does not fit: needs about 1354 MiB (weights 586 MiB, cache 512 MiB, work 256 MiB), this machine has 100 MiB available of 8192 MiB"#]],
        );
        check(
            &[TARGET, DRAFT],
            "auto",
            "none",
            8000,
            expect![[r#"
            qwen2.5-coder-1.5b-instruct-q4_k_m.gguf + nothing
        "#]],
        );
    }

    #[test]
    fn what_is_not_right_is_passed_over() {
        check(
            &["qwen2.5-coder-1.5b-instruct-q4_k_m.gguf+", DRAFT],
            "auto",
            "auto",
            8000,
            expect![[r#"
            qwen2.5-coder-0.5b-instruct-q4_k_m.gguf + nothing
            qwen2.5-coder-1.5b-instruct-q4_k_m.gguf is damaged: it has 1117320769 bytes, and 1117320768 are right; `halfline models pull qwen2.5-coder-1.5b-instruct-q4_k_m` mends it"#]],
        );
        check(
            &["mine.gguf"],
            "auto",
            "auto",
            8000,
            expect![[r#"
            mine.gguf + nothing
        "#]],
        );
        check(
            &[],
            "auto",
            "auto",
            8000,
            expect!["there is no model on disk; get what suits this machine with `halfline models pull`"],
        );
    }

    #[test]
    fn what_the_user_names_is_taken() {
        check(
            &[TARGET, DRAFT, SMALL],
            "smollm2-135m-instruct-q4_1",
            "auto",
            8000,
            expect![[r#"
            SmolLM2-135M-Instruct.Q4_1.gguf + nothing
        "#]],
        );
        check(
            &[TARGET, DRAFT],
            TARGET,
            "auto",
            500,
            expect![[r#"
            qwen2.5-coder-1.5b-instruct-q4_k_m.gguf + nothing
            the draft model qwen2.5-coder-0.5b-instruct-q4_k_m is left out: memory is short
            this may not run: does not fit: needs about 2100 MiB (weights 1332 MiB, cache 512 MiB, work 256 MiB), this machine has 500 MiB available of 8192 MiB"#]],
        );
        check(
            &[DRAFT],
            TARGET,
            "auto",
            8000,
            expect![
                "the model `qwen2.5-coder-1.5b-instruct-q4_k_m` is not on disk; get it with `halfline models pull qwen2.5-coder-1.5b-instruct-q4_k_m`"
            ],
        );
        check(
            &[TARGET],
            TARGET,
            "nonsense",
            8000,
            expect![
                "there is no model `nonsense` on disk or in the manifest; known are `qwen2.5-coder-1.5b-instruct-q4_k_m`, `qwen2.5-coder-0.5b-instruct-q4_k_m`, `smollm2-135m-instruct-q4_1`, `wordllama-256`, `wordllama-tokenizer`, `all-minilm-l6-v2`, `all-minilm-l6-v2-tokenizer`, and any GGUF file can be imported with `halfline models import FILE`"
            ],
        );
    }

    #[test]
    fn what_to_pull_depends_on_the_memory() {
        let manifest = Manifest::builtin();
        let names = |available_mib: u64| {
            let memory =
                Memory { total: 8 << 30, available: available_mib << 20, limited: false, vram_available: None };
            let models = recommended(&manifest, 512 << 20, &memory);
            models.iter().map(|model| model.file.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(8000), [TARGET, DRAFT]);
        assert_eq!(names(2300), [TARGET]);
        assert_eq!(names(1500), [DRAFT]);
        assert_eq!(names(100), [SMALL]);
    }

    #[test]
    fn a_large_model_is_for_a_card_with_room() {
        let mut manifest = Manifest::builtin();
        let target = manifest.find(TARGET).unwrap().clone();
        manifest.models.push(Model {
            name: "large".to_owned(),
            file: "large.gguf".to_owned(),
            bytes: 4 << 30,
            role: Role::Large,
            ..target
        });
        let names = |vram_mib: Option<u64>| {
            let vram_available = vram_mib.map(|mib| mib << 20);
            let memory = Memory { total: 64 << 30, available: 60 << 30, limited: false, vram_available };
            let models = recommended(&manifest, 512 << 20, &memory);
            models.iter().map(|model| model.file.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(None), [TARGET, DRAFT], "however much memory there is");
        assert_eq!(names(Some(16 << 10)), ["large.gguf", DRAFT]);
        assert_eq!(names(Some(6000)), ["large.gguf"]);
        assert_eq!(names(Some(4000)), [TARGET, DRAFT]);
    }
}
