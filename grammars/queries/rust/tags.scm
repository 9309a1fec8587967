; Definitions with their names, bodies (what is not the signature) and kinds.

(struct_item name: (type_identifier) @name) @definition.type
(enum_item name: (type_identifier) @name) @definition.type
(union_item name: (type_identifier) @name) @definition.type
(trait_item name: (type_identifier) @name body: (declaration_list)) @definition.interface
(type_item name: (type_identifier) @name) @definition.alias
(associated_type name: (type_identifier) @name) @definition.alias
(mod_item name: (identifier) @name body: (declaration_list) @body) @definition.module
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.constant
(macro_definition name: (identifier) @name) @definition.macro
(field_declaration name: (field_identifier) @name) @definition.field
(enum_variant name: (identifier) @name) @definition.field

(source_file (function_item name: (identifier) @name body: (block) @body) @definition.function)
(ERROR (function_item name: (identifier) @name body: (block) @body) @definition.function)
(block (function_item name: (identifier) @name body: (block) @body) @definition.function)
(mod_item body: (declaration_list (function_item name: (identifier) @name body: (block) @body) @definition.function))
(impl_item body: (declaration_list (function_item name: (identifier) @name body: (block) @body) @definition.method))
(trait_item body: (declaration_list (function_item name: (identifier) @name body: (block) @body) @definition.method))
(trait_item body: (declaration_list (function_signature_item name: (identifier) @name) @definition.method))
(foreign_mod_item body: (declaration_list (function_signature_item name: (identifier) @name) @definition.function))

; Implementations define nothing, and everything in them stands in them.

(impl_item) @container
