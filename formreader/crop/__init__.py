"""From boxes on a page to 28x28 crops in MNIST's format.

"Checked on rendered pages" in a docstring of this room means: all constants of the room were
checked together, on pages of the project's own renderer with true boxes (4,895 digits, 885 blank
boxes). No measurement of a single constant is on record unless its docstring says so.
"""
