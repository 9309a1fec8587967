; Nodes that enclose others, by what a reader would call the place.

(function_declaration) @scope.function
(function_definition) @scope.block
(block) @scope.block
