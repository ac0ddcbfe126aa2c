"""Criteria: the tree, its clauses, and what each operator says of a value."""
