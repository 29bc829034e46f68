"""`referins doctor`: looks at everything that an installation needs and says, for what is wrong, what to do."""
