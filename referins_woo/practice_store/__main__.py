"""`python -m referins_woo.practice_store`."""

import sys

from referins_woo.practice_store.command import main

sys.exit(main())
