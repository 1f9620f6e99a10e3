"""The review report: one HTML file that needs no network."""
