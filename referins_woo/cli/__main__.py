"""`python -m referins_woo.cli`: the command line without an installed console script."""

from referins_woo.cli import main

main()
