"""A sitter before the camera becomes a portrait: face found, aligned, read, and brought into w."""
