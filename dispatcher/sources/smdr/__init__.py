"""Station message detail records: lines that switches print for each call, a file for each make."""
