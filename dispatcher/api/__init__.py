"""The door for machines: HTTP in, verbs called, JSON out."""
