"""The nine-transistor hysteretic loop."""
