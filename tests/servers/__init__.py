"""Services of the world outside, on this machine: the code under test is the real client."""
