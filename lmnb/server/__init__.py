"""The embedded LM Studio server: a program of its own, `python -m lmnb.server`; only `launch` and `store` are for others."""
