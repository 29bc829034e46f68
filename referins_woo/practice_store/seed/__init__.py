"""The seeded shop: records made by number from a seed, so that a million orders start at once.

Every person, address, e-mail and product in here is invented (example.com and its kin, 203.0.113.0/24, 555 numbers).
"""
