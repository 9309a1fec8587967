//! The queries of a language, compiled, and what their captures mean.
//!
//! Capture names are the contract between a language's `.scm` files and the rest of the program; `Role` lists them.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use tree_sitter::{Query, QueryError};

use crate::parsers::QuerySources;

/// What a definition defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TagKind {
    /// A function that belongs to no type.
    Function,
    /// A function that belongs to a type.
    Method,
    /// A class, struct, enum or union.
    Type,
    /// A trait, interface or protocol.
    Interface,
    /// A type alias.
    Alias,
    /// A module or namespace.
    Module,
    /// A constant or a variable of a module.
    Constant,
    /// A macro.
    Macro,
    /// A field of a type or a variant of an enum.
    Field,
}

/// What a capture says of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `@name`: the name inside a definition.
    Name,
    /// `@definition.KIND`: a whole definition.
    Definition(TagKind),
    /// `@body`: what of a definition is not its signature.
    Body,
    /// `@outer`, beside `@definition.KIND`: counts only outside of the bodies of functions.
    Outer,
    /// `@container`: what definitions stand in without its being a definition of its own, such as an implementation.
    Container,
    /// `@reference`: a name that is used.
    Reference,
    /// `@import`: a whole import.
    Import,
    /// `@imported`: a name that an import brings in.
    Imported,
    /// `@scope.function`: the node of a function.
    FunctionScope,
    /// `@scope.type`: the node of a type, an implementation or a class.
    TypeScope,
    /// `@scope.module`: the node of a module.
    ModuleScope,
    /// `@scope.block`: a block of statements.
    Block,
    /// `@string`.
    Text,
    /// `@comment`.
    Comment,
    /// `@code`: code inside a string, such as an interpolation.
    Code,
}

impl Role {
    /// What the capture called `name` means; `None` for a name that only serves its own query (`@_...`).
    fn of(name: &str) -> Option<Role> {
        Some(match name {
            "name" => Role::Name,
            "body" => Role::Body,
            "outer" => Role::Outer,
            "container" => Role::Container,
            "reference" => Role::Reference,
            "import" => Role::Import,
            "imported" => Role::Imported,
            "scope.function" => Role::FunctionScope,
            "scope.type" => Role::TypeScope,
            "scope.module" => Role::ModuleScope,
            "scope.block" => Role::Block,
            "string" => Role::Text,
            "comment" => Role::Comment,
            "code" => Role::Code,
            _ => Role::Definition(match name.strip_prefix("definition.")? {
                "function" => TagKind::Function,
                "method" => TagKind::Method,
                "type" => TagKind::Type,
                "interface" => TagKind::Interface,
                "alias" => TagKind::Alias,
                "module" => TagKind::Module,
                "constant" => TagKind::Constant,
                "macro" => TagKind::Macro,
                "field" => TagKind::Field,
                _ => return None,
            }),
        })
    }
}

/// A compiled query whose captures are known by role.
#[derive(Debug)]
pub struct RoleQuery {
    query: Query,
    roles: Vec<Option<Role>>,
}

impl RoleQuery {
    pub(crate) fn compile(grammar: &tree_sitter::Language, source: &str) -> Result<RoleQuery, QueryError> {
        let query = Query::new(grammar, source)?;
        let roles = query.capture_names().iter().map(|name| Role::of(name)).collect();
        Ok(RoleQuery { query, roles })
    }

    /// The query, for a `QueryCursor`.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The role of the capture with this index.
    pub fn role(&self, capture: u32) -> Option<Role> {
        self.roles.get(capture as usize).copied().flatten()
    }

    /// The names of captures that have no role and do not start with `_`: mistakes in a query file.
    #[cfg(test)]
    pub(crate) fn unknown_captures(&self) -> Vec<String> {
        let names = self.query.capture_names().iter().zip(&self.roles);
        names
            .filter(|(name, role)| role.is_none() && !name.starts_with('_'))
            .map(|(name, _)| name.to_string())
            .collect()
    }
}

/// The queries of one language, each compiled when it is first asked for.
#[derive(Debug)]
pub struct Queries {
    grammar: tree_sitter::Language,
    sources: QuerySources,
    symbols: OnceLock<RoleQuery>,
    references: OnceLock<RoleQuery>,
    scopes: OnceLock<RoleQuery>,
    text: OnceLock<RoleQuery>,
}

impl Queries {
    pub(crate) fn new(grammar: tree_sitter::Language, sources: QuerySources) -> Queries {
        let (symbols, references, scopes, text) = Default::default();
        Queries { grammar, sources, symbols, references, scopes, text }
    }

    /// Definitions and imports, so that one walk through a tree finds both: `Definition`, `Name`, `Body`, `Outer`,
    /// `Container`, `Import`, `Imported`.
    pub fn symbols(&self) -> &RoleQuery {
        self.symbols.get_or_init(|| self.compile(&[self.sources.tags, self.sources.imports].concat()))
    }

    /// Uses of names: `Reference`.
    pub fn references(&self) -> &RoleQuery {
        self.references.get_or_init(|| self.compile(self.sources.references))
    }

    /// Enclosing nodes: `FunctionScope`, `TypeScope`, `ModuleScope`, `Block`.
    pub fn scopes(&self) -> &RoleQuery {
        self.scopes.get_or_init(|| self.compile(self.sources.scopes))
    }

    /// Strings and comments: `Text`, `Comment`, `Code`.
    pub fn text(&self) -> &RoleQuery {
        self.text.get_or_init(|| self.compile(self.sources.text))
    }

    fn compile(&self, source: &str) -> RoleQuery {
        RoleQuery::compile(&self.grammar, source).expect("a query of the table fits its grammar")
    }
}
