"""Images in grids and on matplotlib axes."""
