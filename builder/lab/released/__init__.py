"""A release as the lab reads it from its directory."""
