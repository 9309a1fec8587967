; Nodes that enclose others, by what a reader would call the place.

(function_definition) @scope.function
(method_declaration) @scope.function
(class_declaration) @scope.type
(trait_declaration) @scope.type
(interface_declaration) @scope.type
(enum_declaration) @scope.type
(compound_statement) @scope.block
(declaration_list) @scope.block
