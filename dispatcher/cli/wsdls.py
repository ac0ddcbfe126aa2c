"""`onhook wsdl`: what WSDLs offer. (A stand-in for the group; its other commands are made elsewhere.)"""

import typer

app = typer.Typer(no_args_is_help=True, help="See what a WSDL offers, and check many of them.")


@app.callback()
def _group() -> None:
    """See what a WSDL offers, and check many of them."""
