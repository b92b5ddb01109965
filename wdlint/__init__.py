"""wdlint finds weight decay that does not do what its author meant, and repairs it."""

__version__ = "0.1.0"
