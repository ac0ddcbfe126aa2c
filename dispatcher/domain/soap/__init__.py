"""SOAP as the domain knows it: what a WSDL offers, what fits its types, and what a reply says."""
