"""From plan to runnable: what wraps a call is built here, in the order that ``plan/order/call.py`` declares.

A step that is declared and not built, or built and not declared, does not import. A feature that is off is absent.
"""
