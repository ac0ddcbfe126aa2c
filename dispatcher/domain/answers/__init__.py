"""Answers of targets: how they are judged, and what is kept of them."""
