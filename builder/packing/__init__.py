"""Packing: tar archives that are joined from compressed parts, and the overlay's lines in the list of a tree."""
