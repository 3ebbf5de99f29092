"""`python -m gantlet`, also under torchrun."""

from gantlet.cli import main

__all__ = ()

if __name__ == "__main__":
    main()
