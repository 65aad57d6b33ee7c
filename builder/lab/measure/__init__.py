"""The measurement of a boot: the phases of a node, and its work in each phase."""
