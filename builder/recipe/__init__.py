"""Recipes: what the user writes, how it is read and checked, and the models of the result."""
