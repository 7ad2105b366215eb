"""Pure functions over JSON data, each compiled once from settings; no input is ever changed.

Import from the modules::

    path            compile_extract(path) → value or MISSING · parse_path (the grammar)
    fields          compile_allow(paths) · compile_deny(paths) · parse_fields(text) → FieldSet (``?fields=a,b.c``)
    moves           compile_rename({from: to}) · compile_group(path)
    merge           compile_merge(how) → (part names and values) → value · MergeCollision
    join            compile_join(left_key, right_key, as_) → (left, right) → list · compile_list_join by paths
    keys            key_text(value) → the text that items are matched by
    query           compile_jmespath(text)

Settings that are wrong raise ``ShapeProblem`` (message, offset) when compiled; data that does not fit raises
``ExpressionError`` when run.
"""
