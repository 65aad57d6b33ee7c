"""nfsroot turns one TOML recipe into a versioned release of an NFSROOT for diskless nodes."""

__version__ = "0.1.0"

UMASK = 0o022
"""umask(2) of this program and of all that it starts, so that the caller's shows in no release."""
