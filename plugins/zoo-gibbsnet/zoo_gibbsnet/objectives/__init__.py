"""Games over pairs of images and codes."""
