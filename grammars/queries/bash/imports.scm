; Whole imports, and the names they bring in.

((command name: (command_name) @_name) @import (#match? @_name "^([.]|source)$"))
