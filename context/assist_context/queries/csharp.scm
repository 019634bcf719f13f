(namespace_declaration name: (_) @name) @definition.module
(file_scoped_namespace_declaration name: (_) @name) @definition.module
(class_declaration name: (_) @name) @definition.class
(struct_declaration name: (_) @name) @definition.class
(record_declaration name: (_) @name) @definition.class
(record_declaration (parameter_list (parameter name: (_) @name) @definition.field))
(interface_declaration name: (_) @name) @definition.interface
(enum_declaration name: (_) @name) @definition.enum
(enum_member_declaration name: (_) @name) @definition.constant
(delegate_declaration name: (_) @name) @definition.type
(method_declaration name: (_) @name) @definition.method
(constructor_declaration name: (_) @name) @definition.method
(local_function_statement name: (_) @name) @definition.function
(field_declaration (modifier "const") (_ (variable_declarator name: (_) @name))) @definition.constant
(field_declaration (_ (variable_declarator name: (_) @name))) @definition.field
(property_declaration name: (_) @name) @definition.field
(event_field_declaration (_ (variable_declarator name: (_) @name))) @definition.field
(event_declaration name: (_) @name) @definition.field
(invocation_expression function: [(identifier) @name (generic_name (identifier) @name) (_ name: [(identifier) @name (_ . (identifier) @name)]) (conditional_access_expression (_ name: [(identifier) @name (_ . (identifier) @name)]) .)]) @reference.call
(object_creation_expression type: [(identifier) @name (generic_name (identifier) @name) (_ name: (identifier) @name)]) @reference.class
(attribute name: [(identifier) @name (_ name: (identifier) @name)]) @reference.class
(base_list [(identifier) @name (generic_name (identifier) @name) (_ name: (identifier) @name)]) @reference.implementation
(variable_declaration type: [(identifier) @name (_ . (identifier) @name)]) @reference.type
(parameter type: [(identifier) @name (_ . (identifier) @name)]) @reference.type
(method_declaration returns: [(identifier) @name (_ . (identifier) @name)]) @reference.type
(property_declaration type: [(identifier) @name (_ . (identifier) @name)]) @reference.type
(type_argument_list (identifier) @name) @reference.type
[(catch_declaration type: (identifier) @name) (cast_expression type: (identifier) @name) (declaration_pattern type: (identifier) @name)] @reference.type
(using_directive name: (identifier)? @alias [(identifier) (qualified_name) (alias_qualified_name)] @source .) @import
; scopes
[
  (namespace_declaration) (class_declaration) (struct_declaration) (record_declaration) (interface_declaration)
  (enum_declaration) (property_declaration) (event_declaration)
  (method_declaration) (constructor_declaration) (destructor_declaration) (operator_declaration)
  (conversion_operator_declaration) (indexer_declaration) (accessor_declaration) (delegate_declaration)
  (local_function_statement) (lambda_expression) (anonymous_method_expression)
  (block) (for_statement) (foreach_statement) (using_statement) (fixed_statement) (catch_clause) (switch_section)
  (switch_expression_arm) (query_expression)
] @scope
[(variable_declarator name: (identifier) @local) (tuple_pattern name: (identifier) @local)]
[(parameter name: (identifier) @local) (parameter_list name: (identifier) @local) (implicit_parameter) @local]
[(foreach_statement left: (identifier) @local) (catch_declaration name: (identifier) @local)]
[(declaration_pattern name: (identifier) @local) (declaration_expression name: (identifier) @local)]
[(from_clause name: (identifier) @local) (let_clause . (identifier) @local) (join_clause . (identifier) @local)]
(type_parameter name: (identifier) @local)
(using_directive name: (identifier) @local.import)
