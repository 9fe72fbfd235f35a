"""CATR, a transformer that writes image captions, as a plugin of vizstudio."""
