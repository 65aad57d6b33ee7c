"""The kinds of store: directories, web servers, buckets of S3 servers, and registries."""
