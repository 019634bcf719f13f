(function_declaration name: (identifier) @name) @definition.function
(function_declaration name: (dot_index_expression table: (_) @scope field: (identifier) @name)) @definition.function
(function_declaration name: (method_index_expression table: (_) @scope method: (identifier) @name)) @definition.method
(variable_declaration (assignment_statement (variable_list . name: (identifier) @name) (expression_list . value: (function_definition)))) @definition.function
(assignment_statement (variable_list . name: (identifier) @name) (expression_list . value: (function_definition))) @definition.function
(assignment_statement (variable_list . name: (dot_index_expression table: (_) @scope field: (identifier) @name)) (expression_list . value: (function_definition))) @definition.function
(chunk (variable_declaration (assignment_statement (variable_list . name: (identifier) @scope) (expression_list . value: (table_constructor (field name: (identifier) @name value: (function_definition)) @definition.function)))))
(field name: (identifier) @name value: (function_definition)) @definition.function
(chunk (variable_declaration (assignment_statement (variable_list name: (identifier) @name attribute: (attribute)))) @definition.constant)
(chunk (variable_declaration [(assignment_statement (variable_list name: (identifier) @name)) (variable_list name: (identifier) @name)]) @definition.variable)
(chunk (assignment_statement (variable_list name: (identifier) @name)) @definition.variable)
(chunk (assignment_statement (variable_list name: (dot_index_expression table: (_) @scope field: (identifier) @name))) @definition.field)
(chunk (variable_declaration (assignment_statement (variable_list . name: (identifier) @scope) (expression_list . value: (table_constructor (field name: (identifier) @name) @definition.field)))))
((assignment_statement (variable_list name: (dot_index_expression table: (identifier) @_self field: (identifier) @name))) @definition.field (#eq? @_self "self"))
(function_call name: [(identifier) @name (dot_index_expression field: (identifier) @name) (method_index_expression method: (identifier) @name)]) @reference.call
((variable_declaration (assignment_statement (variable_list . name: (identifier) @alias .) (expression_list . value: [
  (function_call name: (identifier) @_require arguments: (arguments . (string content: (_) @source)))
  (dot_index_expression table: (function_call name: (identifier) @_require arguments: (arguments . (string content: (_) @source))) field: (identifier) @name)]))) @import
 (#eq? @_require "require"))
((chunk (assignment_statement (variable_list . name: (_) @alias .) (expression_list . value: (function_call name: (identifier) @_require arguments: (arguments . (string content: (_) @source))))) @import) (#eq? @_require "require"))
((chunk (function_call name: (identifier) @_require arguments: (arguments . (string content: (_) @source))) @import) (#eq? @_require "require"))
; scopes
[(function_declaration) (function_definition) (block) (for_statement) (repeat_statement)] @scope
(parameters name: (identifier) @local)
(chunk (assignment_statement (variable_list name: (identifier) @local)))
(variable_declaration [(assignment_statement (variable_list name: (identifier) @local)) (variable_list name: (identifier) @local)])
[(for_generic_clause (variable_list name: (identifier) @local)) (for_numeric_clause name: (identifier) @local)]
