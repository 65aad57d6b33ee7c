"""Stories: several releases of one recipe on one server, one after the other, while nodes run."""
