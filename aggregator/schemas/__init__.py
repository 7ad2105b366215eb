"""Input declarations: parameters and bodies described by JSON Schema (2020-12), enforced and shown in OpenAPI.

Import from the modules::

    parameter       compile_parameter(name, declaration, location) -> Parameter
                        .parse(text) -> value · .read(texts) -> value | ABSENT; both raise InvalidInput
    body            compile_body(schema) -> BodySchema · .violations(value) -> list[Violation]
    openapi         parameter_object(parameter) -> dict · relocate(schema, pointer) -> dict
    problems        Violation · InvalidInput(violations) · SchemaProblem · InvalidSchema(problems)
"""
