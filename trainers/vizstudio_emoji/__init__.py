"""Emoji scenes: a data set that is made on the fly, with captions and masks known to be true."""
