"""INTERCOM, end to end: AES-256-GCM under a fresh key, that key under the peer's RSA key, signed (wire.md 7)."""
