"""SOAP by zeep and lxml: WSDLs are fetched, read and described; envelopes are built, replies are read."""
