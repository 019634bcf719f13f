(function_definition name: (word) @name) @definition.function
(program (declaration_command "readonly" (variable_assignment name: (variable_name) @name) @definition.constant))
(program (declaration_command (variable_assignment name: (variable_name) @name) @definition.variable))
(program (variable_assignment name: (variable_name) @name) @definition.variable)
(command name: (command_name (word) @name)) @reference.call
((command name: (command_name (word) @_source) . argument: [(word) (string) (raw_string) (concatenation)] @source) @import (#any-of? @_source "source" "."))
; scopes
[(function_definition) (subshell) (command_substitution)] @scope
[(variable_assignment name: (variable_name) @local) (declaration_command (variable_name) @local)]
(for_statement variable: (variable_name) @local)
((command name: (command_name (word) @_read) argument: (word) @local) (#eq? @_read "read") (#match? @local "^[A-Za-z_]"))
