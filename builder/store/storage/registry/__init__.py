"""The protocol of OCI registries: login, blobs, manifests and tags."""
