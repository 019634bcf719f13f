(class_declaration name: (_) @name) @definition.class
(function_declaration name: (identifier) @name) @definition.function
(generator_function_declaration name: (identifier) @name) @definition.function
(method_definition name: (_) @name) @definition.method
(lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)])) @definition.function
(variable_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)])) @definition.function
(program (lexical_declaration (variable_declarator name: [
  (identifier) @name
  (object_pattern [(shorthand_property_identifier_pattern) @name (pair_pattern value: (identifier) @name)])
  (array_pattern (identifier) @name)]) @definition.constant))
(export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @definition.constant))
(assignment_expression left: [(identifier) @name (member_expression property: (property_identifier) @name)] right: [(arrow_function) (function_expression)]) @definition.function
(pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @definition.function
(call_expression function: [(identifier) @name (member_expression property: [(property_identifier) (private_property_identifier)] @name)]) @reference.call
(new_expression constructor: [(identifier) @name (member_expression property: (property_identifier) @name)]) @reference.class
(import_statement (import_clause [(identifier) @name (namespace_import (identifier) @alias)]) source: (string) @source) @import
(import_statement (import_clause (named_imports (import_specifier name: _ @name alias: (identifier)? @alias))) source: (string) @source) @import
(import_statement . (string) @source) @import
(export_statement "*" source: (string) @source) @import
(export_statement (namespace_export (_) @alias) source: (string) @source) @import
(export_statement (export_clause (export_specifier name: _ @name alias: _? @alias)) source: (string) @source) @import
(call_expression function: (import) arguments: (arguments . (string) @source)) @import
; scopes
[
  (function_declaration) (generator_function_declaration) (function_expression) (generator_function) (arrow_function)
  (method_definition) (class_declaration)
] @scope
(class_body) @scope.class
[(statement_block) (for_statement) (for_in_statement) (catch_clause) (switch_body)] @scope.block
(lexical_declaration (variable_declarator name: (identifier) @local))
(variable_declaration (variable_declarator name: (identifier) @local.function))
[(for_in_statement kind: ["let" "const"] left: (identifier) @local) (catch_clause parameter: (identifier) @local)]
(for_in_statement kind: "var" left: (identifier) @local.function)
(arrow_function parameter: (identifier) @local)
[(shorthand_property_identifier_pattern) @local (pair_pattern value: (identifier) @local)]
[(array_pattern (identifier) @local) (rest_pattern (identifier) @local) (assignment_pattern left: (identifier) @local)]
(import_clause [(identifier) @local.import (namespace_import (identifier) @local.import)])
(import_specifier !alias name: (identifier) @local.import)
(import_specifier alias: (identifier) @local.import)
