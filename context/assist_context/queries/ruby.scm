(module name: [(constant) @name (_ scope: (_) @scope name: (_) @name)]) @definition.module
(class name: [(constant) @name (_ scope: (_) @scope name: (_) @name)]) @definition.class
(method name: (_) @name) @definition.function
(singleton_method name: (_) @name) @definition.method
(alias name: (identifier) @name) @definition.method
((assignment left: (constant) @name right: (_ receiver: (_) @_class method: (_) @_new)) @definition.class (#any-of? @_class "Struct" "Class" "Data") (#any-of? @_new "new" "define"))
(assignment left: (constant) @name) @definition.constant
(assignment left: [(instance_variable) (class_variable)] @name) @definition.field
(operator_assignment left: [(instance_variable) (class_variable)] @name) @definition.field
((call method: (_) @_attr arguments: (_ (simple_symbol) @name)) @definition.field (#match? @_attr "^(attr_(reader|writer|accessor)|attribute)$"))
(call method: [(identifier) (constant)] @name) @reference.call
(call receiver: [(constant) @name (_ name: (constant) @name)]) @reference.class
(superclass [(constant) @name (_ name: (constant) @name)]) @reference.implementation
((call method: (_) @_mixin arguments: (_ [(constant) @name (_ name: (constant) @name)])) @reference.implementation (#any-of? @_mixin "include" "extend" "prepend"))
((call method: (_) @_require arguments: (_ . (string . (_) @source .) .)) @import (#any-of? @_require "require" "require_relative" "load"))
((call method: (_) @_require arguments: (_ . (simple_symbol) @name . (string . (_) @source .) .)) @import (#eq? @_require "autoload"))
; scopes
[(method) (singleton_method)] @scope.sealed
[(module) (class) (singleton_class) (block) (do_block) (lambda)] @scope
[(method_parameters (identifier) @local) (block_parameters (identifier) @local) (lambda_parameters (identifier) @local)]
[(optional_parameter name: (identifier) @local) (keyword_parameter name: (identifier) @local)]
[(splat_parameter name: (identifier) @local) (hash_splat_parameter name: (identifier) @local)]
[(block_parameter name: (identifier) @local) (destructured_parameter (identifier) @local)]
[(assignment left: (identifier) @local) (operator_assignment left: (identifier) @local)]
(assignment left: (constant) @local.definition)
[(in_clause pattern: (identifier) @local) (array_pattern (identifier) @local) (as_pattern name: (identifier) @local)]
[(keyword_pattern value: (identifier) @local) (keyword_pattern key: (hash_key_symbol) @local !value)]
[(left_assignment_list (identifier) @local) (destructured_left_assignment (identifier) @local)]
[(rest_assignment (identifier) @local) (for pattern: (identifier) @local) (exception_variable (identifier) @local)]
