"""The umask of this program and of all that it starts, so that the caller's shows in no release."""

UMASK = 0o022
"""See umask(2)."""
