"""The command lines `nfsroot` and `nfsroot-site`: a module for each verb, and the display of their output."""
