"""The pull-request bot: two versions of a list in, a report out; and what GitHub shows of it."""
