"""What differs between two releases, or between a release and what a recipe would build next."""
