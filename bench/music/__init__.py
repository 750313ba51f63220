"""Music with exact truth: composed in code, played by the demo's voices or by FluidSynth."""
