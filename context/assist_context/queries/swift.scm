(class_declaration ["class" "struct" "actor"] . (_) @name) @definition.class
(class_declaration "enum" . (_) @name) @definition.enum
(class_declaration "extension" . (_) @name) @definition.impl
(protocol_declaration "protocol" . (_) @name) @definition.interface
(typealias_declaration "typealias" . (_) @name) @definition.type
(associatedtype_declaration "associatedtype" . (_) @name) @definition.type
((function_declaration "func" . (_) @name) @definition.function (#not-match? @name ":"))
((protocol_function_declaration "func" . (_) @name) @definition.method (#not-match? @name ":"))
(init_declaration "init" @name) @definition.method
(subscript_declaration "subscript" @name) @definition.method
(macro_declaration "macro" . (simple_identifier) @name) @definition.macro
(enum_entry name: (simple_identifier) @name) @definition.constant
(source_file (_ (value_binding_pattern "let") (_ bound_identifier: (_) @name)) @definition.constant)
(source_file (_ (value_binding_pattern "var") (_ bound_identifier: (_) @name)) @definition.variable)
(class_body (_ (value_binding_pattern) (_ bound_identifier: (_) @name)) @definition.field)
(enum_class_body (_ (value_binding_pattern) (_ bound_identifier: (_) @name)) @definition.field)
(protocol_property_declaration (_ bound_identifier: (_) @name)) @definition.field
(call_expression . [(simple_identifier) @name (_ (navigation_suffix . (_) @name) .)]) @reference.call
(inheritance_specifier (_ (type_identifier) @name)) @reference.implementation
(user_type (type_identifier) @name) @reference.type
(import_declaration (identifier) @source) @import
; scopes
[
  (class_declaration) (protocol_declaration) (function_declaration) (protocol_function_declaration)
  (init_declaration) (deinit_declaration) (subscript_declaration) (macro_declaration) (computed_property) (lambda_literal)
  (for_statement) (while_statement) (if_statement) (repeat_while_statement) (do_statement) (catch_block) (switch_entry)
] @scope
[(parameter name: (simple_identifier) @local) (lambda_parameter name: (simple_identifier) @local)]
(_ bound_identifier: (simple_identifier) @local)
(property_declaration (_ (pattern (simple_identifier) @local)))
(for_statement item: (_ (pattern (simple_identifier) @local)))
(type_parameter . (type_identifier) @local)
[(typealias_declaration "typealias" . (_) @local) (associatedtype_declaration "associatedtype" . (_) @local)]
(import_declaration (identifier (simple_identifier) @local.import .))
