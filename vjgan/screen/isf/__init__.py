"""Interactive Shader Format files (isf.video, specification 2.0) as passes of the chain."""
