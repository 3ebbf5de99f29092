"""Gantlet trains generative adversarial networks on a person's own data."""

__version__ = "0.1.0.dev0"
