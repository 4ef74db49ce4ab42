"""The hysteretic cell that every memory unit is made of."""
