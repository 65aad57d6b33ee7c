"""The words of the lab: hardware, phases of a boot, and kinds of servers."""
