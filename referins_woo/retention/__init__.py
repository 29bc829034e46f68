"""What is removed when it is old enough (N5): one table of rules, enforced every night in small batches."""
