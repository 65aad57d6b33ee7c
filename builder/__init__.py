"""nfsroot turns one TOML recipe into a versioned release of an NFSROOT for diskless nodes."""

__version__ = "0.1.0"
