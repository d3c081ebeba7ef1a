"""The proof of the money at full size: many paying processes, killed at random, against faulty vendors and caps that
bind; then recovery, evidence, and a certificate. `python -m bench.proof --help`. docs/money.md says what it shows.
"""
