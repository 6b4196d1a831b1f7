"""The notebook chat for local models."""
