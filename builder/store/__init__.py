"""Stores of releases: signed metadata, and blobs that releases share."""
