"""A general super-resolution: any picture of a show, doubled."""
WIDTH, NEAR, BLOCKS = 40, 24, 2
