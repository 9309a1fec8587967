; Nodes that enclose others, by what a reader would call the place.

(function_definition) @scope.function
(struct_specifier body: (_)) @scope.type
(union_specifier body: (_)) @scope.type
(enum_specifier body: (_)) @scope.type
(compound_statement) @scope.block
(field_declaration_list) @scope.block
(enumerator_list) @scope.block
(class_specifier body: (_)) @scope.type
(namespace_definition) @scope.module
(lambda_expression) @scope.block
