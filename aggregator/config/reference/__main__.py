"""``python -m aggregator.config.reference``: print the reference, or bring the generated files up to date."""

import sys

from aggregator.config.reference.markdown import main

if __name__ == "__main__":
    main(sys.argv[1:])
