"""Which of the learnt tracks is playing, and where in it we are."""
