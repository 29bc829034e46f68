"""What people keep and do with lists: saved views, changes to many rows at once, exports."""
