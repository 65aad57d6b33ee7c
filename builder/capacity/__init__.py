"""How long many nodes take when they are switched on at once, from what the lab measured of one."""
