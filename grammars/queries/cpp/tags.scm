; Beside C's.

(class_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @definition.type
(function_definition declarator: (function_declarator declarator: (field_identifier) @name) body: (compound_statement) @body) @definition.method
(function_definition declarator: (function_declarator declarator: (qualified_identifier name: (identifier) @name)) body: (compound_statement) @body) @definition.method
(function_definition declarator: (reference_declarator (function_declarator declarator: [(identifier) (field_identifier)] @name)) body: (compound_statement) @body) @definition.function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name)) body: (compound_statement) @body) @definition.method
(field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @definition.method
(field_declaration declarator: (pointer_declarator declarator: (function_declarator declarator: (field_identifier) @name))) @definition.method
(field_declaration declarator: (reference_declarator (function_declarator declarator: (field_identifier) @name))) @definition.method
(declaration declarator: (reference_declarator (function_declarator declarator: (identifier) @name))) @definition.function @outer
(namespace_definition name: (_) @name body: (declaration_list) @body) @definition.module
(alias_declaration name: (type_identifier) @name) @definition.alias
