"""From the ink of a number in a cell to its digits.

"No measurement on record" in a docstring of this room means: the real forms of
development were read with this number, but nothing says how it was chosen.
"""
