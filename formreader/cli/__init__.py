"""The commands, one per module. They import the rest of the package when run: help stays fast."""
