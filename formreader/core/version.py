"""The version of the program: stated in reports, compared by jobs and clusters."""

__version__ = "0.5.0"
