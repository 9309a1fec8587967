; Definitions with their names, bodies (what is not the signature) and kinds.

(class_declaration name: (identifier) @name body: (class_body) @body) @definition.type
(record_declaration name: (identifier) @name body: (class_body) @body) @definition.type
(enum_declaration name: (identifier) @name body: (enum_body) @body) @definition.type
(interface_declaration name: (identifier) @name body: (interface_body) @body) @definition.interface
(annotation_type_declaration name: (identifier) @name) @definition.interface
(method_declaration name: (identifier) @name body: (block) @body) @definition.method
(method_declaration name: (identifier) @name !body) @definition.method
(constructor_declaration name: (identifier) @name body: (constructor_body) @body) @definition.method
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.field
(enum_constant name: (identifier) @name) @definition.field
