"""The template engine: a bounded part of Jinja, whose every value stays in its place."""
