(package_clause name: (package_identifier) @name) @definition.module
(class_definition name: (_) @name) @definition.class
(object_definition name: (_) @name) @definition.class
(trait_definition name: (_) @name) @definition.interface
(enum_definition name: (_) @name) @definition.enum
(simple_enum_case name: (_) @name) @definition.constant
(full_enum_case name: (_) @name) @definition.constant
(type_definition name: (type_identifier) @name) @definition.type
(function_definition name: (_) @name) @definition.function
(function_declaration name: (_) @name) @definition.function
(class_parameter name: (_) @name) @definition.field
(template_body (_ pattern: (identifier) @name) @definition.field)
(val_declaration name: (_) @name) @definition.field
(var_declaration name: (_) @name) @definition.field
(compilation_unit (_ "val" pattern: (identifier) @name) @definition.constant)
(compilation_unit (_ "var" pattern: (identifier) @name) @definition.variable)
(given_definition name: (_) @name) @definition.constant
(call_expression function: [(identifier) @name (_ field: (identifier) @name) (generic_function function: [(identifier) @name (_ field: (identifier) @name)])]) @reference.call
(instance_expression [(type_identifier) @name (_ type: (type_identifier) @name) (_ (type_identifier) @name .)]) @reference.class
(annotation name: (type_identifier) @name) @reference.class
(extends_clause [(type_identifier) @name (_ type: (type_identifier) @name) (_ (type_identifier) @name .)]) @reference.implementation
(parameter type: [(type_identifier) @name (_ type: (type_identifier) @name)]) @reference.type
(class_parameter type: [(type_identifier) @name (_ type: (type_identifier) @name)]) @reference.type
(function_definition return_type: [(type_identifier) @name (_ type: (type_identifier) @name)]) @reference.type
(function_declaration return_type: [(type_identifier) @name (_ type: (type_identifier) @name)]) @reference.type
(type_arguments (type_identifier) @name) @reference.type
(import_declaration . (identifier) @source (identifier)? @source .) @import
(import_declaration . (identifier) @source (identifier)? @source . [(namespace_wildcard) @name (as_renamed_identifier name: (_) @name alias: (_) @alias) (namespace_selectors [(identifier) @name (namespace_wildcard) @name (_ name: (_) @name alias: (_) @alias)])]) @import
; scopes
[
  (class_definition) (object_definition) (trait_definition) (enum_definition) (given_definition) (extension_definition)
  (function_definition) (function_declaration) (lambda_expression) (template_body)
  (block) (indented_block) (for_expression) (case_clause)
] @scope
[(parameter name: (identifier) @local) (class_parameter name: (identifier) @local)]
[(val_definition pattern: (identifier) @local) (var_definition pattern: (identifier) @local)]
[(enumerator . (identifier) @local) (tuple_pattern (identifier) @local) (infix_pattern (identifier) @local)]
(lambda_expression parameters: [(identifier) @local (bindings (binding name: (identifier) @local))])
[(case_clause pattern: (identifier) @local) (typed_pattern pattern: (identifier) @local)]
[(case_class_pattern (identifier) @local) (capture_pattern name: (identifier) @local)]
[(val_declaration name: (identifier) @local) (var_declaration name: (identifier) @local)]
(type_parameters (identifier) @local)
(type_definition name: (type_identifier) @local)
(import_declaration (identifier) @local.import .)
(import_declaration (as_renamed_identifier alias: (identifier) @local.import))
(namespace_selectors [(identifier) @local.import (_ alias: (identifier) @local.import)])
