"""The text layer of a PDF (ISO 32000): objects, fonts, pages. Reads; never runs what a file holds."""
