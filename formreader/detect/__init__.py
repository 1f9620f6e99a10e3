"""From straightened pages to digit boxes, rows of them, and rectangles for numbers."""
