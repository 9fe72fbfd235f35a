"""Hugging Face transformers models for vizstudio, through `vizstudio.api` alone."""
