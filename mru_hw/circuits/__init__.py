"""The catalogue of circuits: what is known of the devices of each, in one module a circuit."""
