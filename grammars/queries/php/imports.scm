; Whole imports, and the names they bring in.

(namespace_use_declaration) @import

(namespace_use_clause (qualified_name (name) @imported))
