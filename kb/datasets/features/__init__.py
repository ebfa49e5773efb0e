"""Features: the file formats the field keeps them in, and their extraction from video."""
