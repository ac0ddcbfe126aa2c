"""Onhook: an event-driven dispatcher of post-call web services."""

__version__ = "0.1.0"
