"""What every room needs: records, geometry, errors, options, locations, model folders."""
