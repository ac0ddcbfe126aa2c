"""Credentials: their kinds, what each puts into a request, and the tokens that some are good for."""
