"""Latent in, picture out."""
