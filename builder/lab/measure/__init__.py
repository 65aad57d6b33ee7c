"""The measurement of a boot: phases, and work in each phase."""
