"""The baseline: the same job written the way it is usually written first."""
