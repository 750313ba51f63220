"""vjgan: a real-time, audio-reactive instrument that plays a StyleGAN on stage."""

__version__ = "0.1.0"
