; Definitions with their names, bodies (what is not the signature) and kinds.

(class_declaration name: (identifier) @name body: (declaration_list) @body) @definition.type
(struct_declaration name: (identifier) @name body: (declaration_list) @body) @definition.type
(record_declaration name: (identifier) @name) @definition.type
(enum_declaration name: (identifier) @name body: (enum_member_declaration_list) @body) @definition.type
(interface_declaration name: (identifier) @name body: (declaration_list) @body) @definition.interface
(method_declaration name: (identifier) @name body: (_) @body) @definition.method
(method_declaration name: (identifier) @name !body) @definition.method
(constructor_declaration name: (identifier) @name body: (block) @body) @definition.method
(property_declaration name: (identifier) @name) @definition.field
(field_declaration (variable_declaration (variable_declarator name: (identifier) @name))) @definition.field
(enum_member_declaration name: (identifier) @name) @definition.field
(namespace_declaration name: (_) @name body: (declaration_list) @body) @definition.module
