"""Onhook's Celery workers: task shims and the life of their process."""
