; Whole imports, and the names they bring in.

(preproc_include) @import
(using_declaration) @import

(using_declaration (identifier) @imported)
(using_declaration (qualified_identifier name: (identifier) @imported))
