"""Metrics of tables: told apart, too near to the training rows, of use for learning."""
