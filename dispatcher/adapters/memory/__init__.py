"""In-memory twins of the ports: for tests and trials, under the same contract suite as the real ones."""
