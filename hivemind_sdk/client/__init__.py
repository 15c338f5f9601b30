"""The client with the names of the reference client and of the OVOS bus client."""
