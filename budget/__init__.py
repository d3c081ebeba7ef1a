"""Price book, quote, caps, ledger, reports. The only writer of ledger rows; never calls a vendor."""
