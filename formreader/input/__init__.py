"""From paths to pages: listing files, and opening images and PDFs."""
