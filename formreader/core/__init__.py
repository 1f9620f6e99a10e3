"""What every other package uses: records, geometry, errors, options, locations, model folders."""
