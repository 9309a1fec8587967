; Whole imports, and the names they bring in.

(import_declaration) @import

(import_spec name: (package_identifier) @imported)
