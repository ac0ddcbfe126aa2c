"""What a signature covers must be what is read."""

from dispatcher.sources.authentication.refusals import Forbidden
from dispatcher.sources.format import Posted


def check_covered(posted: Posted) -> None:
    """For signatures over the body alone. Raises `Forbidden` for a request that says everything in its query: any
    query would pass under the signature of an empty body, which somebody may have seen once."""
    if not posted.body and posted.query:
        raise Forbidden("The signature is over a body, and this request has none: have it sent by POST.")
