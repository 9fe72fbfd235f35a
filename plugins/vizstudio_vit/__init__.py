"""Vision transformers through timm, as a plugin of vizstudio."""
