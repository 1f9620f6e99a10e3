"""From crops to readings: networks, confidence, and what decides between readings."""
