"""The pages of a store for web browsers: index.html, and a page for each release."""
