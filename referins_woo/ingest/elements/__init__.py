"""The elements of an import, one module each: how it is walked, what a page of it writes.

Like `ingest.importing`, nothing here can reach events or runs: history cannot mail anyone.
"""
