"""`python -m deployments`: the command line of apply.py. Arguments to options, nothing else."""

import sys

from deployments.apply import main

if __name__ == "__main__":
    sys.exit(main())
