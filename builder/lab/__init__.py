"""The lab: a private rack on this machine in which the nodes of a release boot through its own servers."""
