"""Stories: a server serves several releases of a recipe, one after the other, while nodes run."""
