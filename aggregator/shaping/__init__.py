"""Pure functions over JSON data, each compiled once from settings; no input is ever changed.

Import from the modules::

    path            parse_path(text) -> Path · compile_extract(text) -> value | MISSING
    fields          compile_allow(paths) · compile_deny(paths) · parse_fields(text) -> FieldSet (``?fields=a,b.c``)
    moves           compile_rename({from: to}) · compile_group(path)
    merge           compile_merge(how) -> ([(part name, value), …]) -> value · MergeCollision
    join            compile_join(left_key, right_key, as_, missing="null", many=False) -> (left, right) -> list
    query           compile_jmespath(text) -> (value) -> value

Settings that are wrong raise ``ShapeProblem`` (message, offset) when compiled; data that does not fit raises
``ExpressionError`` when run.
"""
