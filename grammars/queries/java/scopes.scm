; Nodes that enclose others, by what a reader would call the place.

(method_declaration) @scope.function
(constructor_declaration) @scope.function
(lambda_expression) @scope.block
(class_declaration) @scope.type
(record_declaration) @scope.type
(enum_declaration) @scope.type
(interface_declaration) @scope.type
(block) @scope.block
(class_body) @scope.block
(interface_body) @scope.block
(enum_body) @scope.block
