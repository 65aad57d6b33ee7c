"""The choice of test cases, and their runs with one run for each node."""
