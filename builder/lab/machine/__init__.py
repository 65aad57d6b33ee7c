"""The machines of a rack: the namespace in which the rack runs, and nodes in QEMU with the lab's agent."""
