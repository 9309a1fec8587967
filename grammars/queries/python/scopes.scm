; Nodes that enclose others, by what a reader would call the place.

(function_definition) @scope.function
(lambda) @scope.block
(class_definition) @scope.type
(block) @scope.block
