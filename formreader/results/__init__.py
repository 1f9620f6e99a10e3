"""From probabilities to readings, results.csv and the review report."""
