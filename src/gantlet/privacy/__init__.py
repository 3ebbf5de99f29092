"""Differential privacy: settings, the secret behind the noise, accounting, counts, gradients."""
