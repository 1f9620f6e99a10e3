"""One look at a page: what is ruled, printed and written on it, and where places are."""
