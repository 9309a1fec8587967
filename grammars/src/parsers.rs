//! Which parser crate serves which entry of `languages.toml`, and its query files. One line for each language;
//! `"b": "a"` where the queries of `b` are those of `a` and some more.

/// The text of a language's query files.
#[derive(Debug)]
pub(crate) struct QuerySources {
    /// Definitions.
    pub(crate) tags: &'static str,
    /// Uses of names.
    pub(crate) references: &'static str,
    /// What a file brings in from elsewhere.
    pub(crate) imports: &'static str,
    /// Nodes that enclose: functions, types, modules, blocks.
    pub(crate) scopes: &'static str,
    /// Strings and comments.
    pub(crate) text: &'static str,
}

/// The query file of this kind; with the one that it adds to before it.
macro_rules! queries {
    ($kind:literal, $name:literal) => {
        include_str!(concat!("../queries/", $name, "/", $kind, ".scm"))
    };
    ($kind:literal, $name:literal, $base:literal) => {
        concat!(queries!($kind, $base), queries!($kind, $name))
    };
}

macro_rules! parsers {
    ($($name:literal $(: $base:literal)? => $grammar:expr,)*) => {
        /// The grammar and query files of the language called `name`.
        pub(crate) fn parser(name: &str) -> Option<(tree_sitter::Language, QuerySources)> {
            match name {
                $($name => Some(($grammar.into(), QuerySources {
                    tags: queries!("tags", $name $(, $base)?),
                    references: queries!("references", $name $(, $base)?),
                    imports: queries!("imports", $name $(, $base)?),
                    scopes: queries!("scopes", $name $(, $base)?),
                    text: queries!("text", $name $(, $base)?),
                })),)*
                _ => None,
            }
        }
    };
}

parsers! {
    "rust" => tree_sitter_rust::LANGUAGE,
    "python" => tree_sitter_python::LANGUAGE,
    "typescript" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
    "tsx": "typescript" => tree_sitter_typescript::LANGUAGE_TSX,
    "javascript" => tree_sitter_javascript::LANGUAGE,
    "go" => tree_sitter_go::LANGUAGE,
    "c" => tree_sitter_c::LANGUAGE,
    "cpp": "c" => tree_sitter_cpp::LANGUAGE,
    "java" => tree_sitter_java::LANGUAGE,
    "csharp" => tree_sitter_c_sharp::LANGUAGE,
    "ruby" => tree_sitter_ruby::LANGUAGE,
    "php" => tree_sitter_php::LANGUAGE_PHP,
    "lua" => tree_sitter_lua::LANGUAGE,
    "bash" => tree_sitter_bash::LANGUAGE,
    "json" => tree_sitter_json::LANGUAGE,
    "toml" => tree_sitter_toml_ng::LANGUAGE,
    "yaml" => tree_sitter_yaml::LANGUAGE,
    "markdown" => tree_sitter_md::LANGUAGE,
}
