"""Publishing: records and results become plain Markdown, JSON and SVG, then a static site."""
