"""`python -m wdlint`."""

from wdlint.cli import main

if __name__ == "__main__":
    main()
