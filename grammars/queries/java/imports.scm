; Whole imports, and the names they bring in.

(import_declaration) @import

(import_declaration (scoped_identifier name: (identifier) @imported) .)
