"""Separate what is ruled, printed and written on a page, and find the places for writing."""
