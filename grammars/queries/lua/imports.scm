; Whole imports, and the names they bring in.

((function_call name: (identifier) @_name) @import (#eq? @_name "require"))
