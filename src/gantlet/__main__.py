"""`python -m gantlet`, also under torchrun."""

from gantlet.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
