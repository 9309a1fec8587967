; Whole imports, and the names they bring in.

(import_statement) @import

(import_clause (identifier) @imported)
(namespace_import (identifier) @imported)
(import_specifier name: (identifier) @imported !alias)
(import_specifier alias: (identifier) @imported)
