"""The version of the reference client whose names these are."""

VERSION_MAJOR = 1
VERSION_MINOR = 2
VERSION_BUILD = 12
VERSION_ALPHA = 1

VERSION = "1.2.12a1"
__version__ = VERSION
