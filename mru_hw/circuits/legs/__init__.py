"""Mirror legs: what copies the rail of one node into another."""
