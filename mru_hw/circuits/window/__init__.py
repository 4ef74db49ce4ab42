"""The window comparator of clocked units whose threshold is a current of the network."""
