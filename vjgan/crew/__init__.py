"""Many workers for one film: they draw the model's pictures, in chunks, ahead of the film.

Passes carry light from one frame to the next (trails, echo, bloom, the flash limiter), and so does
an encoder: a film cut into pieces would not be the same film. A model's picture depends on its
latent alone. So a film is gone through twice: first in the dark, which tells every latent; then, as
ever, frame by frame, with each picture taken from its chunk. What is seen is the same, bit for bit.
"""
