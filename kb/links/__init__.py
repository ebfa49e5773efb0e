"""Links: a polite checker, safe with untrusted links, that reports `dead` only if sure."""
