"""The bot of pull requests: two versions of a list in, a report out; and what GitHub shows of it."""
