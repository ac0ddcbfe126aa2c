"""Technologies: each port of the product on a real library or server."""
