"""Bytes ↔ values: what an upstream or a client sends, and what either is sent.

Import from the modules::

    json            validate(body) · decode(body) -> value · encode(value) -> bytes
    registry        codec_for(content_type, forced=None) -> Codec · require(name) · CODEC_NAMES
    form            encode_form(mapping) -> bytes
    multipart       MultipartBody().field(…).file(…) -> content_type, encode()
    negotiation     offers_for(names) -> media types · negotiate(accept, offers) -> media type | None
    etag            etag_of(body) -> bytes · if_none_match(header, etag) -> bool
    cache_control   combine(values, ages=()) -> bytes | None

Every decoder raises ``CallError`` (``malformed`` or ``content_type``), every encoder ``ExpressionError``.
"""
