"""Two telephone numbers in all the forms in which a call gives them: a caller's, and the business's own."""

JANE = {
    "raw": "+14155550100",
    "e164": "+14155550100",
    "national": "(415) 555-0100",
    "digits": "14155550100",
    "anonymous": False,
}
OURS = {
    "raw": "+18005551212",
    "e164": "+18005551212",
    "national": "(800) 555-1212",
    "digits": "18005551212",
    "anonymous": False,
}
