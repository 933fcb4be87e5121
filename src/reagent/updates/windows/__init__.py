"""The executable that Windows' service manager starts, by the field's rules (system.md 5.3). Pure.

What versions do below it is `updates.turn`, as everywhere (docs/decisions/0019).
"""
