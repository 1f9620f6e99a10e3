"""The job: what a scan has read so far, kept in an SQLite file."""
