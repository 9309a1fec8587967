; Beside C's.

(class_specifier body: (_)) @scope.type
(namespace_definition) @scope.module
(lambda_expression) @scope.block
