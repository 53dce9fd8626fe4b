"""Helpers of the tests that talk to a real server process."""
