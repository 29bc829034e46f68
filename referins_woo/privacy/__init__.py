"""One person's data: all of it handed out, or erased (N3). The only room that reaches across the others to write."""
