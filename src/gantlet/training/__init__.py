"""Training: any game, on any data, stopped and resumed anywhere."""
