"""Trains CATR to write image captions, as a plugin of vizstudio."""
