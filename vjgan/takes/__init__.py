"""A performance as control data: recorded as it is played, read and played again; docs/takes.md."""
