//! Which names may follow the dot before the cursor: the members of a value, a type or a module, as far as the workspace
//! knows them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use halfline_grammars::TagKind;

use super::declarations::{annotated, bases};
use super::typing::{File, Thing, TypePlace, Typing, is_of, is_of_name};
use crate::budget::TokenCounter;
use crate::resolve::has_word;
use crate::retrieval::tokens;
use crate::symbols::{Definition, EVERYTHING};
use crate::workspace::{FileSymbols, Workspace};

/// Files that may hold implementations of a type.
const MOST_FILES: usize = 64;
/// Characters of one signature.
const HEAD_CHARS: usize = 100;
/// Bases that add no members worth naming.
const BARE_BASES: [&str; 10] =
    ["object", "Generic", "Protocol", "ABC", "NamedTuple", "TypedDict", "Exception", "Enum", "IntEnum", "Hashable"];

/// The names that may come next.
pub(super) struct Members {
    /// Whose they are, in a word.
    pub(super) of: String,
    /// Their names, each with its signature on one line, which may be empty.
    heads: Heads,
    /// What of one of them is typed already.
    typed: String,
}

impl Members {
    /// Those that begin with what is typed, without that, sorted.
    pub(super) fn rest(&self) -> Vec<String> {
        self.heads.keys().filter_map(|name| name.strip_prefix(&self.typed)).map(str::to_owned).collect()
    }

    /// What there is to know of them in at most `tokens` tokens: those first that share words with the lines around the
    /// cursor, then those that most files name; a few with their signatures, then names.
    pub(super) fn text(
        &self,
        title: &str,
        around: &str,
        comment: &str,
        tokens: usize,
        counter: &dyn TokenCounter,
        workspace: Option<&Workspace>,
    ) -> String {
        let near: HashSet<String> = tokens::words(around).into_iter().collect();
        let all: Vec<&str> = self.heads.keys().map(String::as_str).collect();
        let uses = workspace.map_or_else(|| vec![0; all.len()], |workspace| workspace.mention_counts(&all));
        let mut names: Vec<(&str, usize)> = all.into_iter().zip(uses).collect();
        names.sort_by_cached_key(|(name, uses)| {
            let shared = tokens::words(name).iter().filter(|word| near.contains(*word)).count();
            (name.starts_with('_'), Reverse(shared.min(2) * 8 + uses.min(&32)))
        });
        let mut text = title.to_owned();
        let mut left = tokens.saturating_sub(counter.count(title));
        let mut others = Vec::new();
        for (name, _) in names {
            let head = &self.heads[name];
            let line = format!("\n    {head}");
            let cost = counter.count(&line);
            // Names alone say more in the same room.
            if !head.is_empty() && others.is_empty() && cost <= left && left * 2 > tokens {
                left -= cost;
                text.push_str(&line);
                continue;
            }
            let cost = counter.count(name) + 1;
            if cost > left {
                break;
            }
            left -= cost;
            others.push(name);
        }
        if !others.is_empty() {
            text.push_str(&format!("\n    {comment} {}", others.join(", ")));
        }
        text
    }
}

/// Names with what stands for them.
type Heads = BTreeMap<String, String>;

/// What has members.
pub(super) enum Whose {
    Type(TypePlace),
    Module(Arc<FileSymbols>),
}

/// The members of what stands before the dot, and what that is.
pub(super) fn members(typing: &Typing<'_>) -> Option<(Members, Whose)> {
    let (before, thing) = typing.before_cursor()?;
    let whose = match thing {
        Thing::Module(module) => Whose::Module(module),
        Thing::Type(place) => Whose::Type(place),
        Thing::Value(written, file) => Whose::Type(typing.type_of(&written, &file)?),
    };
    let mut heads = Heads::new();
    let of = match &whose {
        Whose::Module(module) => {
            of_module(module, &mut heads);
            before.links.last()?.name.clone()
        }
        Whose::Type(place) => {
            of_type(typing, place, before.by_path, &mut heads);
            typing.definition(place).name.clone()
        }
    };
    // What the language itself calls is seldom written.
    heads.retain(|name, _| name.len() > 1 && !name.starts_with("__"));
    let members = Members { of, heads, typed: before.typed };
    (!members.rest().is_empty()).then_some((members, whose))
}

fn of_module(module: &FileSymbols, heads: &mut Heads) {
    let own = module.definitions.iter().filter(|definition| definition.container.is_none());
    heads.extend(own.map(|definition| (definition.name.clone(), head(definition))));
    for import in module.imports.iter().filter(|import| import.name != EVERYTHING) {
        heads.entry(import.name.clone()).or_default();
    }
}

fn of_type(typing: &Typing<'_>, place: &TypePlace, by_path: bool, heads: &mut Heads) {
    let owner = typing.definition(place);
    let is_enum = has_word(owner.signature.split('{').next().unwrap_or_default(), "enum");
    let is_wanted = |member: &&Definition| match (by_path, member.kind) {
        _ if typing.is_python() => member.kind != TagKind::Alias,
        // What takes a `self` can follow a path too, and seldom does.
        (_, TagKind::Method) => takes_self(&member.signature) != by_path,
        // A variant; its fields are reached by patterns.
        (_, TagKind::Field) if is_enum => by_path && annotated(member).is_none(),
        (_, TagKind::Field) => !by_path,
        _ => by_path,
    };
    let mut add = |all: &[Definition], is_member: &dyn Fn(&Definition) -> bool| {
        for member in all.iter().filter(|member| is_member(member)).filter(is_wanted) {
            heads.entry(member.name.clone()).or_insert_with(|| head(member));
        }
    };
    add(typing.definitions(&place.file), &|member| is_of(member, owner));
    if typing.is_python() {
        for base in bases(&owner.signature).iter().filter(|base| !BARE_BASES.contains(&base.as_str())) {
            if let Some(base) = typing.type_named(base, &place.file) {
                of_type(typing, &base, by_path, heads);
            }
        }
        return;
    }
    add(typing.definitions(&File::Own), &|member| is_of_name(member, &owner.name));
    for file in implementing(typing, place) {
        add(&file.definitions, &|member| is_of_name(member, &owner.name));
    }
}

/// What a reader needs to see of a member: its signature on one line.
fn head(definition: &Definition) -> String {
    let mut lines = definition.signature.lines().skip_while(|line| !line.contains(&definition.name));
    let mut head = lines.next().unwrap_or_default().trim().to_owned();
    for line in lines {
        let is_open = head.matches('(').count() > head.matches(')').count();
        if !is_open || head.len() > HEAD_CHARS {
            break;
        }
        head.push_str(if head.ends_with('(') || line.trim().starts_with(')') { "" } else { " " });
        head.push_str(line.trim());
    }
    if let Some((cut, _)) = head.char_indices().nth(HEAD_CHARS) {
        head.truncate(cut);
        head.push('…');
    }
    head.trim_end_matches([',', ' ', '{']).to_owned()
}

/// Whether a method's first parameter is the value itself.
fn takes_self(signature: &str) -> bool {
    let Some((_, parameters)) = signature.split_once('(') else { return false };
    let first = parameters.split([',', ')']).next().unwrap_or_default();
    has_word(first, "self")
}

/// The nearest of the other files that name the type, and may implement something for it.
fn implementing(typing: &Typing<'_>, place: &TypePlace) -> Vec<Arc<FileSymbols>> {
    let Some(workspace) = typing.workspace else { return Vec::new() };
    let home = typing.path_of(&place.file);
    let mut files = workspace.mentions(&typing.definition(place).name);
    files.retain(|file| file.path != home && file.path != typing.path_of(&File::Own));
    files.sort_by_key(|file| Reverse(super::shared_parents(home, &file.path)));
    files.truncate(MOST_FILES);
    files
}

#[cfg(test)]
mod tests;
