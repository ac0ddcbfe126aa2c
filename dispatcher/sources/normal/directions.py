"""Which way a call went, by which of its ends is the business's own."""


def direction_between(*, caller_is_ours: bool, dialled_is_ours: bool) -> str | None:
    """The canonical direction; None where neither end is the business's own."""
    match (caller_is_ours, dialled_is_ours):
        case (True, True):
            return "internal"
        case (True, False):
            return "outbound"
        case (False, True):
            return "inbound"
        case _:
            return None
