; Definitions with their names, bodies (what is not the signature) and kinds.

(table . [(bare_key) (dotted_key) (quoted_key)] @name) @definition.module
(document (pair (bare_key) @name) @definition.field)
(table (pair (bare_key) @name) @definition.field)
