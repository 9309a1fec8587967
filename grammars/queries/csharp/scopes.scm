; Nodes that enclose others, by what a reader would call the place.

(method_declaration) @scope.function
(constructor_declaration) @scope.function
(lambda_expression) @scope.block
(class_declaration) @scope.type
(struct_declaration) @scope.type
(record_declaration) @scope.type
(enum_declaration) @scope.type
(interface_declaration) @scope.type
(namespace_declaration) @scope.module
(block) @scope.block
(declaration_list) @scope.block
