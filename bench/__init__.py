"""Measures Onhook beside a baseline that is written the usual way. Start with `python -m bench --help`."""
