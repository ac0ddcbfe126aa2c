"""What call systems write, in one form: times, durations, telephone numbers, causes. Pure, and never an exception."""
