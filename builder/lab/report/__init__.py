"""The lab's report on a release, as JSON and as a page, and the results of earlier runs."""
