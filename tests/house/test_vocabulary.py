"""The language of automations promises nothing that the application cannot do."""

from __future__ import annotations

from automations.blocks import BLOCK_KINDS, CODE
from automations.variables import FILTERS
from referins_woo.mail import blocks, sandbox


def test_every_block_that_can_be_written_can_be_mailed() -> None:
    # Columns hold blocks, and code is an e-mail of its own: both have rooms of their own.
    assert set(BLOCK_KINDS) == {*blocks.BLOCKS, "columns", CODE}


def test_every_filter_that_can_be_written_can_be_rendered() -> None:
    assert set(FILTERS) == set(sandbox.FILTER_NAMES)
