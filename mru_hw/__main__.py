"""`python -m mru_hw`, the same as `mru-hw`."""

from mru_hw.cli.app import main

if __name__ == "__main__":
    main()
