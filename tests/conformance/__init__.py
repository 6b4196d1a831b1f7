"""The embedded server, judged by LM Studio's own clients."""
