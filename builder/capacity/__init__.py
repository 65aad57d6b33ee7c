"""Estimates of a boot storm: the time that many nodes take when switched on at once, from the lab's measure of one."""
