"""Training of models: offline work, never imported by the show."""
