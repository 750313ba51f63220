"""Portraits rendered from a CC0 mesh: the default model's data (see docs/default-model.md)."""
