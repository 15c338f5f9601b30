"""A satellite from one file: read and checked (`reading`), put together (`assembling`), run until it is told to stop
(`running`).
"""
