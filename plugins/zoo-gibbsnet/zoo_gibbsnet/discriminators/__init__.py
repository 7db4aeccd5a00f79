"""What tells pairs of images and codes apart."""
