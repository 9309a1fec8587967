; Definitions with their names, bodies (what is not the signature) and kinds.

(module (function_definition name: (identifier) @name body: (block) @body) @definition.function)
(module (decorated_definition definition: (function_definition name: (identifier) @name body: (block) @body)) @definition.function)
(ERROR (function_definition name: (identifier) @name body: (block) @body) @definition.function)
(ERROR (decorated_definition definition: (function_definition name: (identifier) @name body: (block) @body)) @definition.function)
(if_statement consequence: (block (function_definition name: (identifier) @name body: (block) @body) @definition.function))
(function_definition body: (block (function_definition name: (identifier) @name body: (block) @body) @definition.function))
(function_definition body: (block (decorated_definition definition: (function_definition name: (identifier) @name body: (block) @body)) @definition.function))
(class_definition body: (block (function_definition name: (identifier) @name body: (block) @body) @definition.method))
(class_definition body: (block (decorated_definition definition: (function_definition name: (identifier) @name body: (block) @body)) @definition.method))
(module (class_definition name: (identifier) @name body: (block) @body) @definition.type)
(ERROR (class_definition name: (identifier) @name body: (block) @body) @definition.type)
(block (class_definition name: (identifier) @name body: (block) @body) @definition.type)
(decorated_definition definition: (class_definition name: (identifier) @name body: (block) @body)) @definition.type
(module (expression_statement (assignment left: (identifier) @name)) @definition.constant)
(module (type_alias_statement left: (type (identifier) @name)) @definition.alias)
(class_definition body: (block (expression_statement (assignment left: (identifier) @name)) @definition.field))

; What a value has from the start.

(class_definition body: (block (function_definition
  name: (identifier) @_method
  body: (block (expression_statement (assignment
    left: (attribute object: (identifier) @_self attribute: (identifier) @name)) @definition.field)))
  (#eq? @_method "__init__") (#eq? @_self "self")))
