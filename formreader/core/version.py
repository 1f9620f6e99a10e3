"""The version of the program, which jobs, reports and clusters compare."""

__version__ = "0.6.0"
