"""The OCI image of a release, for stores in registries."""
