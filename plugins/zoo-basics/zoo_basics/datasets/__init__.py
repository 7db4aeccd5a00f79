"""Data sets: real images under names, folders of images, arrays in files."""
