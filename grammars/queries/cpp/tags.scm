; Definitions with their names, bodies (what is not the signature) and kinds.

(function_definition declarator: (function_declarator declarator: (identifier) @name) body: (compound_statement) @body) @definition.function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name)) body: (compound_statement) @body) @definition.function
(struct_specifier name: (type_identifier) @name body: (field_declaration_list)) @definition.type
(union_specifier name: (type_identifier) @name body: (field_declaration_list)) @definition.type
(enum_specifier name: (type_identifier) @name body: (enumerator_list)) @definition.type
(type_definition declarator: (type_identifier) @name) @definition.alias
(preproc_def name: (identifier) @name) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro
(field_declaration declarator: (field_identifier) @name) @definition.field
(translation_unit (declaration declarator: (function_declarator declarator: (identifier) @name)) @definition.function)
(translation_unit (declaration declarator: (init_declarator declarator: (identifier) @name)) @definition.constant)
(class_specifier name: (type_identifier) @name body: (field_declaration_list) @body) @definition.type
(function_definition declarator: (function_declarator declarator: (field_identifier) @name) body: (compound_statement) @body) @definition.method
(function_definition declarator: (function_declarator declarator: (qualified_identifier name: (identifier) @name)) body: (compound_statement) @body) @definition.method
(function_definition declarator: (reference_declarator (function_declarator declarator: [(identifier) (field_identifier)] @name)) body: (compound_statement) @body) @definition.function
(field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @definition.method
(namespace_definition name: (_) @name body: (declaration_list) @body) @definition.module
(alias_declaration name: (type_identifier) @name) @definition.alias
