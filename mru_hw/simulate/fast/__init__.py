"""The compiled kernel of the settled behavioral level: the same program, the same laws, fused."""
