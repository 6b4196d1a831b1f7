"""Says what nobody expects, and ends."""

import sys

print("Good morning.")
sys.stderr.write("It is out of order.\n")
sys.exit(3)
