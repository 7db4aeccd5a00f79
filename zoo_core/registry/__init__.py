"""What there is, by name: plugins, their components and recipes."""
