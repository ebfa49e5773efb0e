"""Links: a checker that is polite, cannot be led astray, and says `dead` only when it is sure."""
