; Definitions with their names, bodies (what is not the signature) and kinds.

(class name: (constant) @name body: (body_statement) @body) @definition.type
(class name: (constant) @name !body) @definition.type
(module name: (constant) @name body: (body_statement) @body) @definition.module
(class body: (body_statement (method name: (_) @name body: (_) @body) @definition.method))
(module body: (body_statement (method name: (_) @name body: (_) @body) @definition.method))
(method name: (_) @name !body) @definition.method
(singleton_method name: (_) @name body: (_) @body) @definition.method
(program (method name: (_) @name body: (_) @body) @definition.function)
(assignment left: (constant) @name) @definition.constant
