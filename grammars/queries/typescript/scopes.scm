; Nodes that enclose others, by what a reader would call the place.

(function_declaration) @scope.function
(generator_function_declaration) @scope.function
(method_definition) @scope.function
(function_expression) @scope.function
(arrow_function) @scope.block
(class_declaration) @scope.type
(statement_block) @scope.block
(class_body) @scope.block
(switch_body) @scope.block
(abstract_class_declaration) @scope.type
(interface_declaration) @scope.type
(enum_declaration) @scope.type
(internal_module) @scope.module
(interface_body) @scope.block
