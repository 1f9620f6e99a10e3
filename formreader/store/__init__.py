"""The job on disk, in SQLite."""
