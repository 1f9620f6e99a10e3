"""From files to straightened pages, digit boxes and fields. OpenCV lives here."""
