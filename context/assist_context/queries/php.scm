(namespace_definition name: (namespace_name) @name) @definition.module
(class_declaration name: (_) @name) @definition.class
(trait_declaration name: (_) @name) @definition.class
(interface_declaration name: (_) @name) @definition.interface
(enum_declaration name: (_) @name) @definition.enum
(enum_case name: (_) @name) @definition.constant
(function_definition name: (_) @name) @definition.function
(method_declaration name: (_) @name) @definition.method
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(property_promotion_parameter name: (variable_name (name) @name)) @definition.field
(const_declaration (const_element . (name) @name)) @definition.constant
((function_call_expression function: (name) @_define arguments: (arguments . (argument (string (string_content) @name)))) @definition.constant (#eq? @_define "define"))
(function_call_expression function: [(name) @name (_ (name) @name .)]) @reference.call
(member_call_expression name: (_) @name) @reference.call
(nullsafe_member_call_expression name: (_) @name) @reference.call
(scoped_call_expression name: (_) @name) @reference.call
(scoped_call_expression scope: [(name) @name (_ (name) @name .)]) @reference.class
(class_constant_access_expression . [(name) @name (_ (name) @name .)]) @reference.class
(object_creation_expression [(name) @name (_ (name) @name .)]) @reference.class
(attribute [(name) @name (_ (name) @name .)]) @reference.class
(base_clause [(name) @name (_ (name) @name .)]) @reference.implementation
(class_interface_clause [(name) @name (_ (name) @name .)]) @reference.implementation
(use_declaration [(name) @name (_ (name) @name .)]) @reference.implementation
(named_type [(name) @name (_ (name) @name .)]) @reference.type
(namespace_use_declaration (namespace_use_clause . [(name) (qualified_name)] @source alias: (name)? @alias)) @import
(namespace_use_declaration (namespace_name) @source body: (namespace_use_group (namespace_use_clause . [(name) (qualified_name)] @name alias: (name)? @alias))) @import
[
  (require_expression (_ [(string_content) @source (_ (string_content) @source)]))
  (require_once_expression (_ [(string_content) @source (_ (string_content) @source)]))
  (include_expression (_ [(string_content) @source (_ (string_content) @source)]))
  (include_once_expression (_ [(string_content) @source (_ (string_content) @source)]))
] @import
; scopes
[
  (class_declaration) (trait_declaration) (interface_declaration) (enum_declaration) (anonymous_class)
] @scope.class
[(function_definition) (method_declaration) (anonymous_function)] @scope.sealed
(arrow_function) @scope
[(simple_parameter name: (variable_name) @local) (variadic_parameter name: (variable_name) @local)]
(property_promotion_parameter name: (variable_name) @local)
(anonymous_function_use_clause [(variable_name) @local (by_ref (variable_name) @local)])
[(assignment_expression left: (variable_name) @local) (reference_assignment_expression left: (variable_name) @local)]
[(list_literal (variable_name) @local) (catch_clause name: (variable_name) @local)]
(foreach_statement "as" . [(variable_name) @local (pair (variable_name) @local) (by_ref (variable_name) @local)])
[(global_declaration (variable_name) @local) (static_variable_declaration name: (variable_name) @local)]
(namespace_use_clause alias: (name) @local.import)
(namespace_use_clause !alias [(name) @local.import (qualified_name (name) @local.import)])
