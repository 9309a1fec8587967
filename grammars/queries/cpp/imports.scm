; Beside C's.

(using_declaration) @import
(using_declaration (identifier) @imported)
(using_declaration (qualified_identifier name: (identifier) @imported))
