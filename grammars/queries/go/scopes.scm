; Nodes that enclose others, by what a reader would call the place.

(function_declaration) @scope.function
(method_declaration) @scope.function
(func_literal) @scope.block
(type_declaration) @scope.type
(block) @scope.block
(field_declaration_list) @scope.block
