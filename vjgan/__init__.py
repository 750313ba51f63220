"""vjgan: a real-time, audio-reactive instrument that plays a StyleGAN on stage."""

import os

__version__ = "0.1.0"

# numpy's helpers would begin with the program, before any thread steps back, and take a core from
# the screen when a preset is loaded; presets are ready no sooner by them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
