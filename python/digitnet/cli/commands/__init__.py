"""One command of the command line a file: its arguments, and what it does with them."""
