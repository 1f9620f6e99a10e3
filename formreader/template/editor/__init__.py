"""The page on which people name, move and add the fields of a template, in a browser."""
