"""Requests as a profile describes them: target, headers and every kind of body."""
