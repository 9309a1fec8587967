; Nodes that enclose others, by what a reader would call the place.

(object) @scope.block
(array) @scope.block
