; Definitions with their names, bodies (what is not the signature) and kinds.

(function_definition name: (name) @name body: (compound_statement) @body) @definition.function
(method_declaration name: (name) @name body: (compound_statement) @body) @definition.method
(method_declaration name: (name) @name !body) @definition.method
(class_declaration name: (name) @name body: (declaration_list) @body) @definition.type
(trait_declaration name: (name) @name body: (declaration_list) @body) @definition.type
(enum_declaration name: (name) @name body: (_) @body) @definition.type
(interface_declaration name: (name) @name body: (declaration_list) @body) @definition.interface
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(const_declaration (const_element (name) @name)) @definition.constant
