"""The command line: starts things and shows things; no rule of its own."""
