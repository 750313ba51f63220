"""Sound and film files: any sound FFmpeg can decode comes in; films, WAVs and PNGs go out.

The only room that imports ``av``. What is written appears under its name only when complete: it
grows in a hidden ``.NAME.part`` beside it, which is renamed at the end or removed. libav's own log
stays off, as PyAV has it; its errors come back as MediaError.
"""

from vjgan.media.films import FilmWriter, check_film
from vjgan.media.sounds import Recording, Sound, open_recording, write_wav
from vjgan.media.stills import save_image, write_text

__all__ = [
    "FilmWriter",
    "Recording",
    "Sound",
    "check_film",
    "open_recording",
    "save_image",
    "write_text",
    "write_wav",
]
