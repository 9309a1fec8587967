; Nodes that enclose others, by what a reader would call the place.

(section) @scope.block
(fenced_code_block) @scope.block
