"""Debian's archive: its package lists, their index, and the choice of a tree's packages from them."""
