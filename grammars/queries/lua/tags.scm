; Definitions with their names, bodies (what is not the signature) and kinds.

(function_declaration name: (identifier) @name body: (block) @body) @definition.function
(function_declaration name: (dot_index_expression field: (identifier) @name) body: (block) @body) @definition.function
(function_declaration name: (method_index_expression method: (identifier) @name) body: (block) @body) @definition.method
(chunk (variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @definition.constant)
