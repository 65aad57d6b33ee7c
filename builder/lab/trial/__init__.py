"""The choice of test cases, their runs, and the trial of each node."""
