"""Find digit boxes, rows of them and cells for whole numbers on straightened pages."""
