; Whole imports, and the names they bring in.

(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import

(import_statement name: (dotted_name . (identifier) @imported))
(import_statement name: (aliased_import alias: (identifier) @imported))
(import_from_statement name: (dotted_name (identifier) @imported .))
(import_from_statement name: (aliased_import alias: (identifier) @imported))
