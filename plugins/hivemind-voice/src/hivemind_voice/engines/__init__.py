"""OVOS plugins that need no account and no download: their models are in their wheels. A hub can use them, too.

Nothing here imports the SDK. Microphones, voice activity and wake words have the methods of OVOS' templates without
inheriting from them, as importing those costs 30 MB of memory.
"""
