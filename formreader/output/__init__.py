"""Writes readings to files: the table in all its formats, and the review report."""
