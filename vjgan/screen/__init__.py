"""Picture in, light out."""
