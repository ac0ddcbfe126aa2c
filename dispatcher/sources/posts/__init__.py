"""How call systems write a post, whatever they are: fields, records, lists, and the spellings of nothing. Pure."""
