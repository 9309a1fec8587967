; Whole `use` declarations, and the names they bring in.

(use_declaration) @import
(extern_crate_declaration) @import
(mod_item !body) @import

(use_declaration argument: (identifier) @imported)
(use_declaration argument: (scoped_identifier name: (identifier) @imported))
(use_declaration argument: (use_as_clause alias: (identifier) @imported))
(use_list (identifier) @imported)
(use_list (scoped_identifier name: (identifier) @imported))
(use_list (use_as_clause alias: (identifier) @imported))
