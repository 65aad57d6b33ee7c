"""The umask of this program and of all processes that it starts, so that no release depends on the caller's umask."""

UMASK = 0o022
"""The bits that new files do not get (umask(2))."""
