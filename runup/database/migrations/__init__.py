"""The history of the tables, one file a step; shipped in the package."""
