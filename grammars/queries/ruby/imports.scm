; Whole imports, and the names they bring in.

((call method: (identifier) @_method) @import (#match? @_method "^(require|require_relative|include|extend)$"))
