//! What an expression is: a value of some type, a type, or a module, told from declarations and signatures as they are
//! written. No inference: what nobody has written down is not known.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use halfline_grammars::TagKind;

use super::declarations::{Declared, annotated, bases, container_type, declared, plain, returned, until_end};
use super::expression::{Before, Link, before_dot, is_word};
use crate::document::Snapshot;
use crate::resolve::{has_word, resolve, resolve_module, resolve_path};
use crate::symbols::{Definition, Import};
use crate::text;
use crate::workspace::{FileSymbols, Workspace, is_late};

/// Types and declarations that are looked up for one expression: they may lead to each other in circles.
const MOST_STEPS: usize = 100;
/// A type whose name is defined in more places, and not imported, is not told.
const MOST_PLACES: usize = 3;
/// Lines above the cursor in which the start of the type around it is looked for.
const MOST_LINES: usize = 3000;

/// Where definitions stand.
#[derive(Clone, Debug)]
pub(super) enum File {
    /// In the text that is being written.
    Own,
    Other(Arc<FileSymbols>),
}

/// A type's definition.
#[derive(Clone, Debug)]
pub(super) struct TypePlace {
    pub(super) file: File,
    pub(super) index: usize,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Thing {
    /// A value: its type as it is written, and where.
    Value(String, File),
    Type(TypePlace),
    Module(Arc<FileSymbols>),
}

/// Tells what expressions at the cursor are.
pub(super) struct Typing<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) cursor: usize,
    pub(super) workspace: Option<&'a Workspace>,
    pub(super) imports: &'a [Import],
    steps: Cell<usize>,
}

impl<'a> Typing<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        cursor: usize,
        workspace: Option<&'a Workspace>,
        imports: &'a [Import],
    ) -> Typing<'a> {
        Typing { snapshot, cursor, workspace, imports, steps: Cell::new(MOST_STEPS) }
    }

    /// Takes one of the steps that are left.
    fn step(&self) -> Option<()> {
        self.steps.set(self.steps.get().checked_sub(1).filter(|_| !is_late())?);
        Some(())
    }

    /// What stands before the dot at the cursor, and what of the next name is typed.
    pub(super) fn before_cursor(&self) -> Option<(Before, Thing)> {
        let before = before_dot(&self.above())?;
        let thing = self.expression(&before.links, before.by_path)?;
        Some((before, thing))
    }

    pub(super) fn definitions<'f>(&'f self, file: &'f File) -> &'f [Definition] {
        match file {
            File::Own => self.snapshot.definitions(),
            File::Other(file) => &file.definitions,
        }
    }

    pub(super) fn definition<'f>(&'f self, place: &'f TypePlace) -> &'f Definition {
        &self.definitions(&place.file)[place.index]
    }

    fn imports_of<'f>(&'f self, file: &'f File) -> &'f [Import] {
        match file {
            File::Own => self.imports,
            File::Other(file) => &file.imports,
        }
    }

    pub(super) fn path_of<'f>(&'f self, file: &'f File) -> &'f Path {
        match file {
            File::Own => self.snapshot.path().unwrap_or(Path::new("")),
            File::Other(file) => &file.path,
        }
    }

    pub(super) fn is_python(&self) -> bool {
        self.snapshot.language().is_some_and(|language| language.name() == "python")
    }

    /// The definition of the type that the text of a type names, where that is a type and not something around one.
    pub(super) fn type_of(&self, written: &str, file: &File) -> Option<TypePlace> {
        let name = plain(written)?;
        self.type_named(name, file)
    }

    /// The type that a name, or a path, means in a file.
    pub(super) fn type_named(&self, name: &str, file: &File) -> Option<TypePlace> {
        self.step()?;
        if matches!(name, "Self" | "self") {
            return self.enclosing_type(file);
        }
        let segments: Vec<String> = name.split(['.', ':']).filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let last = segments.last()?;
        let definitions = self.definitions(file);
        let is_type = |definition: &Definition| {
            definition.name == *last && matches!(definition.kind, TagKind::Type | TagKind::Interface | TagKind::Alias)
        };
        if let Some(index) = definitions.iter().position(is_type) {
            return self.through_alias(TypePlace { file: file.clone(), index });
        }
        let workspace = self.workspace?;
        let (path, imports) = (self.path_of(file), self.imports_of(file));
        let found = match segments.len() {
            1 => resolve(workspace, path, imports, last),
            _ => resolve_path(workspace, path, imports, &segments),
        };
        let found = found.into_iter().find(|found| is_type(found.definition())).or_else(|| {
            let mut places = workspace.find_in_few(last);
            places
                .retain(|found| is_type(found.definition()) && found.file.is_kin_of(halfline_grammars::by_path(path)));
            let is_foreign = imports.iter().any(|import| import.name == *last);
            (places.len() <= MOST_PLACES && !is_foreign)
                .then(|| places.into_iter().max_by_key(|found| super::shared_parents(path, &found.file.path)))?
        })?;
        self.through_alias(TypePlace { file: File::Other(found.file), index: found.index })
    }

    /// What an alias stands for.
    fn through_alias(&self, place: TypePlace) -> Option<TypePlace> {
        let definition = self.definition(&place);
        if definition.kind != TagKind::Alias {
            return Some(place);
        }
        let (_, meant) = definition.signature.rsplit_once('=')?;
        self.type_of(meant.trim_end_matches(';'), &place.file)
    }

    /// The type around the cursor, told by the indentation of the lines above: what is being typed need not parse. None
    /// in another file.
    fn enclosing_type(&self, file: &File) -> Option<TypePlace> {
        let File::Own = file else { return None };
        let rope = self.snapshot.rope();
        let indent_of = |line: &str| line.len() - line.trim_start().len();
        let here = rope.char_to_line(self.cursor);
        let mut indent = indent_of(&text::line_content(rope, here).to_string());
        for line in (here.saturating_sub(MOST_LINES)..here).rev() {
            let content = text::line_content(rope, line).to_string();
            if content.trim().is_empty() || indent_of(&content) >= indent {
                continue;
            }
            indent = indent_of(&content);
            let words = content.trim_start().trim_start_matches("pub ").trim_start_matches("unsafe ");
            if ["impl ", "impl<", "class ", "trait "].iter().any(|start| words.starts_with(start)) {
                return self.type_named(&container_type(words)?, file);
            }
            if indent == 0 {
                break;
            }
        }
        None
    }

    fn expression(&self, links: &[Link], ends_in_path: bool) -> Option<Thing> {
        // A path of Rust names a module or a type at once.
        let joints = links.iter().skip(1).map(|link| link.by_path).chain([ends_in_path]);
        let (path, rest) = links.split_at(joints.take_while(|by_path| *by_path).count());
        let (mut thing, rest) = match rest.split_first() {
            Some((first, rest)) if path.is_empty() => (self.first(first)?, rest),
            _ => (self.path(path)?, rest),
        };
        for link in rest {
            thing = self.member(&thing, link)?;
        }
        Some(thing)
    }

    /// What a path names: a type or a module.
    fn path(&self, path: &[Link]) -> Option<Thing> {
        let segments: Vec<String> = path.iter().map(|link| link.name.clone()).collect();
        if let [name] = &segments[..]
            && let Some(place) = self.type_named(name, &File::Own)
        {
            return Some(Thing::Type(place));
        }
        let module = resolve_module(self.workspace?, self.snapshot.path()?, self.imports, &segments);
        module.map(Thing::Module).or_else(|| self.type_named(&segments.join("::"), &File::Own).map(Thing::Type))
    }

    fn first(&self, link: &Link) -> Option<Thing> {
        let name = link.name.as_str();
        let thing = match name {
            "self" | "this" => {
                let place = self.enclosing_type(&File::Own)?;
                Thing::Value(self.definition(&place).name.clone(), place.file)
            }
            "cls" | "Self" => Thing::Type(self.enclosing_type(&File::Own)?),
            _ if name.starts_with(char::is_uppercase) => match self.type_named(name, &File::Own) {
                Some(place) if link.is_called => Thing::Value(self.definition(&place).name.clone(), place.file),
                Some(place) => Thing::Type(place),
                None => self.variable(name)?,
            },
            _ if link.is_called => {
                let (definition, file) = self.function(name)?;
                Thing::Value(returned(&definition)?.to_owned(), file)
            }
            _ => self.variable(name).or_else(|| {
                let segments = [name.to_owned()];
                let module = resolve_module(self.workspace?, self.snapshot.path()?, self.imports, &segments)?;
                Some(Thing::Module(module))
            })?,
        };
        self.unwrapped(thing, link)
    }

    /// A function that is called by its name alone.
    fn function(&self, name: &str) -> Option<(Definition, File)> {
        let fits = |definition: &Definition| definition.name == name && definition.kind == TagKind::Function;
        if let Some(own) = self.snapshot.definitions().iter().find(|definition| fits(definition)) {
            return Some((own.clone(), File::Own));
        }
        let found = resolve(self.workspace?, self.snapshot.path()?, self.imports, name);
        let found = found.into_iter().find(|found| fits(found.definition()))?;
        Some((found.definition().clone(), File::Other(found.file)))
    }

    /// A value by its name: what the text above the cursor says of it.
    fn variable(&self, name: &str) -> Option<Thing> {
        let above = self.above();
        self.step()?;
        for (at, _) in above.rmatch_indices(name) {
            let before = &above[..at];
            let after = &above[at + name.len()..];
            if before.ends_with(|ch: char| is_word(ch) || ch == '.') || after.starts_with(is_word) {
                continue;
            }
            let thing = match declared(before, after) {
                Some(Declared::Type(written)) => {
                    self.type_of(&written, &File::Own).map(|_| Thing::Value(written, File::Own))
                }
                Some(Declared::Value(value)) => self.value(&value),
                Some(Declared::Inside(value)) => self.value(&value).and_then(inner),
                None => None,
            };
            if thing.is_some() {
                return thing;
            }
        }
        None
    }

    /// The value of the right side of an assignment.
    fn value(&self, written: &str) -> Option<Thing> {
        let written = written.trim().trim_end_matches(';').trim_end();
        let written = written.strip_prefix("await ").unwrap_or(written).trim_start_matches(['&', '*']);
        let written = written.strip_prefix("mut ").unwrap_or(written);
        // A struct with its fields.
        if let Some((head, _)) = written.split_once('{') {
            let head = head.trim_end();
            let is_path = head.starts_with(char::is_uppercase) && head.chars().all(|ch| is_word(ch) || ch == ':');
            return is_path.then(|| Thing::Value(head.to_owned(), File::Own));
        }
        let dotted = format!("{written}.");
        let before = before_dot(&dotted)?;
        (before.start == 0).then(|| self.expression(&before.links, false))?
    }

    fn member(&self, thing: &Thing, link: &Link) -> Option<Thing> {
        let name = link.name.as_str();
        let found = match thing {
            Thing::Module(module) => self.in_module(module, link)?,
            Thing::Type(place) => self.of_type(place, link, false)?,
            Thing::Value(written, file) => {
                if name == "await" {
                    thing.clone()
                } else if matches!(name, "unwrap" | "expect" | "unwrap_or_default" | "unwrap_or_else" | "unwrap_or") {
                    inner(thing.clone())?
                } else if let Some(place) = self.type_of(written, file) {
                    match self.of_type(&place, link, true) {
                        Some(found) => found,
                        None if KEEPING.contains(&name) => thing.clone(),
                        None => return None,
                    }
                } else if KEEPING.contains(&name) {
                    thing.clone()
                } else {
                    return None;
                }
            }
        };
        // `self.env = env`: what the parameter was declared as.
        if let Thing::Value(written, file) = &found
            && let Some(assigned) = written.strip_prefix("= ")
        {
            let place = match thing {
                Thing::Value(written, file) => self.type_of(written, file)?,
                Thing::Type(place) => place.clone(),
                Thing::Module(_) => return None,
            };
            let found = self.assigned(assigned, name, &place, file)?;
            return self.unwrapped(found, link);
        }
        self.unwrapped(found, link)
    }

    fn in_module(&self, module: &Arc<FileSymbols>, link: &Link) -> Option<Thing> {
        let file = File::Other(module.clone());
        let path = [link.name.clone()];
        if let Some(place) = self.type_named(&link.name, &file) {
            return Some(match link.is_called {
                true => Thing::Value(link.name.clone(), place.file),
                false => Thing::Type(place),
            });
        }
        let own = module.definitions.iter().find(|one| one.name == link.name && one.container.is_none());
        match own {
            Some(definition) if link.is_called => Some(Thing::Value(returned(definition)?.to_owned(), file)),
            Some(definition) => Some(Thing::Value(annotated(definition)?.to_owned(), file)),
            None => resolve_module(self.workspace?, &module.path, &module.imports, &path).map(Thing::Module),
        }
    }

    /// What the member of a type is.
    fn of_type(&self, place: &TypePlace, link: &Link, of_value: bool) -> Option<Thing> {
        let (definition, file) = self.find_member(place, &link.name)?;
        let itself = || self.definition(place).name.clone();
        match definition.kind {
            TagKind::Method | TagKind::Function => {
                let is_property =
                    definition.signature.lines().any(|line| line.starts_with('@') && line.contains("property"));
                let written = returned(&definition).filter(|_| link.is_called || is_property)?;
                Some(match has_word(written, "Self") {
                    true => Thing::Value(written.replace("Self", &itself()), place.file.clone()),
                    false => Thing::Value(written.to_owned(), file),
                })
            }
            TagKind::Field => match annotated(&definition) {
                Some(written) => Some(Thing::Value(written.to_owned(), file)),
                // A variant of an enum is a value of it.
                None if !of_value => Some(Thing::Value(itself(), place.file.clone())),
                None => None,
            },
            _ => None,
        }
    }

    /// The member of this name: of the type, of an implementation of it, of its bases.
    fn find_member(&self, place: &TypePlace, name: &str) -> Option<(Definition, File)> {
        let definition = self.definition(place);
        let all = self.definitions(&place.file);
        if let Some(found) = all.iter().find(|one| one.name == name && is_of(one, definition)) {
            return Some((found.clone(), place.file.clone()));
        }
        if self.is_python() {
            let bases = bases(&definition.signature);
            return bases.iter().find_map(|base| {
                let base = self.type_named(base, &place.file)?;
                self.find_member(&base, name)
            });
        }
        let found =
            self.workspace?.find(name).into_iter().find(|found| is_of_name(found.definition(), &definition.name))?;
        Some((found.definition().clone(), File::Other(found.file)))
    }

    /// What `self.name = value` of a method gives: the value's type, or the parameter's.
    fn assigned(&self, value: &str, name: &str, place: &TypePlace, file: &File) -> Option<Thing> {
        let (field, _) = self.find_member(place, name)?;
        let around = self
            .definitions(file)
            .iter()
            .find(|one| one.kind == TagKind::Method && one.lines.0 < field.lines.0 && field.lines.1 <= one.lines.1)?;
        let value = value.trim();
        if value.chars().all(is_word) {
            let at = around.signature.find(&format!("{value}:"))?;
            let (_, written) = around.signature[at..].split_once(':')?;
            let written = until_end(written);
            return (!written.is_empty()).then(|| Thing::Value(written.to_owned(), file.clone()));
        }
        // A class that is built there.
        let head = value.split_once('(').map_or(value, |(head, _)| head);
        let is_path = head.chars().all(|ch| is_word(ch) || ch == '.');
        let place = is_path.then(|| self.type_named(head, file))??;
        Some(Thing::Value(self.definition(&place).name.clone(), place.file))
    }

    /// A value after the `?`, `[]` of a link. What a list holds is not told.
    fn unwrapped(&self, thing: Thing, link: &Link) -> Option<Thing> {
        match (link.is_indexed, link.is_tried) {
            (true, _) => None,
            (false, true) => inner(thing),
            (false, false) => Some(thing),
        }
    }

    /// The text up to the cursor, from far enough above.
    fn above(&self) -> String {
        const FAR: usize = 12_000;
        let rope = self.snapshot.rope();
        text::slice(rope, self.cursor.saturating_sub(FAR), self.cursor)
    }
}

/// Methods that give what they are called on, or as good as that.
const KEEPING: [&str; 13] = [
    "clone",
    "as_ref",
    "as_mut",
    "as_deref",
    "as_deref_mut",
    "borrow",
    "borrow_mut",
    "to_owned",
    "cloned",
    "copied",
    "into_inner",
    "lock",
    "context",
];

/// What is inside an option or a result.
fn inner(thing: Thing) -> Option<Thing> {
    let Thing::Value(written, file) = thing else { return None };
    let bare = written.trim_start_matches(['&', ' ']).trim_start_matches("mut ");
    let Some((head, rest)) = bare.split_once('<') else { return Some(Thing::Value(written, file)) };
    let head = head.rsplit("::").next().unwrap_or(head);
    if head != "Option" && !head.ends_with("Result") {
        return Some(Thing::Value(written, file));
    }
    let arguments = rest.trim_end().strip_suffix('>').unwrap_or(rest);
    Some(Thing::Value(until_end(arguments).to_owned(), file))
}

/// Whether `member` belongs to `owner` of the same file.
pub(super) fn is_of(member: &Definition, owner: &Definition) -> bool {
    let stands_in = owner.bytes.start < member.bytes.start && member.bytes.end <= owner.bytes.end;
    let is_member = matches!(member.kind, TagKind::Method | TagKind::Field | TagKind::Constant | TagKind::Alias);
    let contained = member.container.as_deref();
    is_member
        && ((stands_in && contained.is_some_and(|line| has_word(line, &owner.name))) || is_of_name(member, &owner.name))
}

/// Whether a member stands in an implementation of the type called `name`.
pub(super) fn is_of_name(member: &Definition, name: &str) -> bool {
    let is_its = |line: &str| has_word(line, "impl") && container_type(line).as_deref() == Some(name);
    member.container.as_deref().is_some_and(is_its)
}
