"""XML of strangers: one closed parser, and paths whose cost has bounds. Pure, for sources and adapters alike."""
