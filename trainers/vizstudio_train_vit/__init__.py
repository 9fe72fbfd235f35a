"""Fine-tunes timm's image classifiers, as a plugin of vizstudio."""
