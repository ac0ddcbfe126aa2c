"""Formats by other transports than a post: sockets, a websocket, a Redis stream, files, polling."""
