"""From paths to pages: list files, open images and PDFs."""
