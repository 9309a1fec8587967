; Definitions with their names, bodies (what is not the signature) and kinds.

(document (object (pair key: (string (string_content) @name)) @definition.field))
