"""The show from another place: a control page in a browser, and OSC."""
