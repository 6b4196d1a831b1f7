"""The embedded LM Studio server: a program of its own, `python -m lmnb.server`.

Only `launch` and `store` are for the other rooms.
"""
