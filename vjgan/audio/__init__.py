"""Sound in: the sound card, files, the bundled demo track."""
