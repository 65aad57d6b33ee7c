"""Test cases: the choice of them, and the trial of their nodes."""
