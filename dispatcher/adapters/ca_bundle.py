"""Which certificate authorities both senders trust."""

from pathlib import Path

import certifi

# Where the distributions keep the bundle an administrator can add his own authority to. Neither wheel (libcurl's,
# certifi's) can be relied on to find it, and the two senders must not differ in whom they trust.
_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Red Hat, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",  # older Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def trusted_ca_file() -> str:
    """Path of the system's PEM bundle, or of certifi's where the system has none (slim images)."""
    for bundle in _SYSTEM_BUNDLES:
        if Path(bundle).is_file():
            return bundle
    return certifi.where()
