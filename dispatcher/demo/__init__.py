"""The demonstration: a local CRM, realistic calls, and a table of what becomes of them."""
