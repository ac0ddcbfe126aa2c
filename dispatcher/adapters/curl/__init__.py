"""The sender on libcurl."""
